"""What aiokafka 0.14.0 ends on, read: call `install` before anything is fetched.

Brokers keep what a sender put into a batch, and aiokafka raises where a header's name is no UTF-8,
where bytes do not unpack, and where lengths or counts are not true; asked again, it raises again,
and what it had at hand of other partitions is gone. Whoever may write to a topic could end its
readers for good. It also believes the offset that a record claims, and all before that would count
as read. Here each such record is handed on, in its place, with a header that says what is wrong.

A wrong checksum stays an error: that is a broker's damage, and no sender's doing.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record import MemoryRecords
from aiokafka.record.default_records import DefaultRecordBase
from aiokafka.record.util import decode_varint_py

from streams.codec import KEY_MARK

MAX_SAID = 100
_LENGTH = struct.Struct(">i")
_LENGTH_AT, _FORMAT_AT, _OVERHEAD = 8, 16, 12
# Of which there are headers; no broker takes an older one any more.
_FORMAT = 2
_NOWHERE = -1
_TORN = f"{KEY_MARK} "
_UNPACK: dict[int, Callable[[bytes], bytes]] = {
    DefaultRecordBase.CODEC_NONE: bytes,
    DefaultRecordBase.CODEC_GZIP: codec.gzip_decode,
    DefaultRecordBase.CODEC_SNAPPY: codec.snappy_decode,
    DefaultRecordBase.CODEC_LZ4: codec.lz4_decode,
    DefaultRecordBase.CODEC_ZSTD: codec.zstd_decode,
}

log = logging.getLogger(__name__)


class Flaw(NamedTuple):
    """What is wrong with how a record was put together, and what it was put together of."""

    text: str
    raw: bytes | None


class Unpacked(NamedTuple):
    """A record as aiokafka has it."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    checksum: None = None


class _Pieces:
    """Takes one piece after another off bytes; raises ValueError or IndexError where one lacks."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def number(self) -> int:
        value: int
        value, self._at = decode_varint_py(self._raw, self._at)
        return value

    def take(self, length: int) -> bytes:
        start, self._at = self._at, self._at + length
        if not start <= self._at <= len(self._raw):
            raise ValueError(f"a part of {length} bytes in a record of {len(self._raw)}")
        return self._raw[start : self._at]

    def part(self) -> bytes | None:
        length = self.number()
        return None if length < 0 else self.take(length)

    def header(self) -> tuple[str, bytes | None]:
        # As Java's client reads a name.
        name = self.take(self.number()).decode("utf-8", "replace")
        return name, self.part()

    def headers(self) -> list[tuple[str, bytes | None]]:
        count = self.number()
        if count < 0:
            raise ValueError(f"{count} headers")
        return [self.header() for _ in range(count)]

    def end(self) -> None:
        if left := len(self._raw) - self._at:
            raise ValueError(f"{left} bytes behind its end")


def install() -> None:
    """Have all consumers of this process read so; twice is as good as once."""
    fetcher.MemoryRecords = Batches


def flaw_of(headers: Iterable[tuple[str, Any]] | None) -> Flaw | None:
    """Return what is wrong with the record of these headers; None: it is whole.

    A name that holds the mark was no UTF-8, or is what we say of a record that is torn.
    """
    for name, value in headers or ():
        if KEY_MARK in name:
            if name.startswith(_TORN):
                return Flaw(name.removeprefix(_TORN), value)
            return Flaw(f"the name of a header is no UTF-8: {name[:MAX_SAID]}", None)
    return None


class Batches:
    """The batches of a fetched partition, for aiokafka in place of its own `MemoryRecords`."""

    def __init__(self, data: bytes) -> None:
        self._batches = MemoryRecords(data)
        self._data = data
        self._at = 0

    def size_in_bytes(self) -> int:
        """Return how many bytes were fetched."""
        size: int = self._batches.size_in_bytes()
        return size

    def has_next(self) -> bool:
        """Return whether another whole batch is there."""
        there: bool = self._batches.has_next()
        return there

    def next_batch(self) -> Any:
        """Return the next batch; senders make neither control batches nor old formats."""
        batch = self._batches.next_batch()
        (length,) = _LENGTH.unpack_from(self._data, self._at + _LENGTH_AT)
        start, self._at = self._at, self._at + _OVERHEAD + length
        if self._data[start + _FORMAT_AT] < _FORMAT or batch.is_control_batch:
            return batch
        return Batch(batch, self._data[start : self._at])


class Batch:
    """One batch, of which every record is handed on."""

    def __init__(self, batch: Any, raw: bytes) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    @property
    def next_offset(self) -> int:
        """Where to go on: behind this batch, whatever it says."""
        following: int = max(self._batch.next_offset, self._batch.base_offset + 1)
        return following

    def __iter__(self) -> Iterator[Any]:
        """Yield aiokafka's records as far as they are sound, and from there on our own."""
        reached, taken, end = self._batch.base_offset - 1, 0, self.next_offset
        try:
            for record in self._batch:
                if not reached < record.offset < end:
                    break
                yield record
                reached, taken = record.offset, taken + 1
            else:
                return
        except MemoryError:
            # Nobody knows whose doing that is.
            raise
        except Exception as error:
            log.debug("Records behind offset %d are read one by one: %s", reached, error)
        yield from self._one_by_one(reached, taken)

    def _one_by_one(self, reached: int, taken: int) -> Iterator[Unpacked]:
        """Yield what lies behind so many records, each at an offset of its own."""
        last = self.next_offset - 1
        for record in islice(self._salvaged(), taken, None):
            found = record
            if not reached < found.offset <= last:
                if found.offset != _NOWHERE:
                    found = _torn("it claims the place of another", found.value)
                found = found._replace(offset=reached + 1)
            if found.offset > last:
                # Apache Kafka counts, and takes no such batch; a line for each would be a flood.
                log.debug("More records than places before offset %d: dropped", last)
                return
            reached = found.offset
            yield found
        if reached < last:
            yield self._rest("fewer records than its batch says", None)

    def _salvaged(self) -> Iterator[Unpacked]:
        """Yield every record, torn or not, as far as it can be told where each ends."""
        packed = self._raw[DefaultRecordBase.HEADER_STRUCT.size :]
        try:
            data = _UNPACK[self._batch.compression_type](packed)
        except MemoryError:
            raise
        except Exception as error:
            yield self._rest(f"its batch does not unpack: {error}", packed)
            return
        at = 0
        while at < len(data):
            try:
                length, start = decode_varint_py(data, at)
                if not 0 <= length <= len(data) - start:
                    raise ValueError(f"a length of {length}")
            except (ValueError, IndexError) as error:
                yield self._rest(f"nobody knows where it ends: {error}", data[at:])
                return
            at = start + length
            yield self._record(data[start:at])

    def _rest(self, text: str, raw: bytes | None) -> Unpacked:
        """Return what stands for all that is left: at the last offset, so that nobody waits."""
        return _torn(text, raw)._replace(offset=self.next_offset - 1)

    def _record(self, raw: bytes) -> Unpacked:
        try:
            return self._read(_Pieces(raw))
        except (ValueError, IndexError) as error:
            return _torn(str(error), raw)

    def _read(self, pieces: _Pieces) -> Unpacked:
        batch = self._batch
        # Its attributes say nothing yet.
        pieces.take(1)
        later, place = pieces.number(), pieces.number()
        key, value, headers = pieces.part(), pieces.part(), pieces.headers()
        pieces.end()
        by_broker = batch.timestamp_type == 1
        return Unpacked(
            offset=batch.base_offset + place,
            timestamp=batch.max_timestamp if by_broker else batch.first_timestamp + later,
            timestamp_type=batch.timestamp_type,
            key=key,
            value=value,
            headers=headers,
        )


def _torn(text: str, raw: bytes | None) -> Unpacked:
    """Return what stands for a record that is none: for a table, the end of a row nobody has."""
    said = (f"{_TORN}{text[:MAX_SAID]}", raw)
    return Unpacked(_NOWHERE, 0, 0, KEY_MARK.encode(), None, [said])
