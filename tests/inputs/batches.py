"""Batches as a sender of his own makes them: every part as it is said, and the checksum right."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from aiokafka.record.util import calc_crc32c, encode_varint

NO_NAME = b"\xff\xfe"
"""A header's name that is no UTF-8."""


def number(value: int) -> bytes:
    """Return a number as a record carries it."""
    found = bytearray()
    encode_varint(value, found.append)
    return bytes(found)


def part(value: bytes | None) -> bytes:
    """Return bytes with their length before them."""
    return number(-1) if value is None else number(len(value)) + value


def record(
    place: int,
    value: bytes | None,
    key: bytes | None = b"key",
    headers: Sequence[tuple[bytes, bytes]] = (),
    count: int | None = None,
) -> bytes:
    """Return one record, at so many offsets behind its batch's first."""
    named = b"".join(part(name) + part(said) for name, said in headers)
    said = number(len(headers) if count is None else count) + named
    body = b"\0" + number(0) + number(place) + part(key) + part(value) + said
    return number(len(body)) + body


def batch(
    *records: bytes,
    base: int = 0,
    count: int | None = None,
    places: int | None = None,
    codec: int = 0,
    packed: bytes | None = None,
    time: int = 1_700_000_000_000,
) -> bytes:
    """Return a batch of records, or of bytes that are said to be packed by a codec."""
    said = len(records) if count is None else count
    last = (len(records) if places is None else places) - 1
    content = b"".join(records) if packed is None else packed
    covered = struct.pack(">hiqqqhii", codec, last, time, time, -1, -1, -1, said) + content
    behind = struct.pack(">ibI", -1, 2, calc_crc32c(covered)) + covered
    return struct.pack(">qi", base, len(behind)) + behind


class Made:
    """A batch for `send_batch` of aiokafka's producer, which sends it as it is."""

    def __init__(self, raw: bytes, count: int = 1) -> None:
        self._raw = raw
        self._count = count

    def record_count(self) -> int:
        return self._count

    def size(self) -> int:
        return len(self._raw)

    def closed(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is added anyway."""

    def _build(self) -> bytes:
        return self._raw
