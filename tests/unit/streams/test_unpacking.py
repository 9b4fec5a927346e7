"""Whatever a sender puts into a batch, its sound records are read, and the others have a place."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from streams.unpacking import Batches, flaw_of
from tests.inputs.batches import NO_NAME, batch, record

NOTES = TopicPartition("notes", 3)
GZIP, LZ4 = 1, 3
AFTER = 100
"""Where the next batch begins in these tests, as whoever wrote this one had it begin."""


def read(*batches: bytes, kind: type[Any] = Batches) -> list[Any]:
    """Return what a consumer is handed, from the first record on."""
    records = kind(b"".join(batches))
    return list(PartitionRecords(NOTES, records, [], 0, None, None, True, READ_UNCOMMITTED))


def told(records: list[Any]) -> list[tuple[int, bytes | None, str]]:
    """Return offset, value and flaw of each."""
    found = [(each, flaw_of(each.headers)) for each in records]
    return [(each.offset, each.value, flaw.text if flaw else "") for each, flaw in found]


FLAWED: dict[str, tuple[bytes, list[tuple[int, bytes | None, str]]]] = {
    "a header's name that is no UTF-8": (
        batch(record(0, b"a"), record(1, b"b", headers=[(NO_NAME, b"x")]), record(2, b"c")),
        [(0, b"a", ""), (1, b"b", "the name of a header is no UTF-8"), (2, b"c", "")],
    ),
    "the same, packed": (
        batch(codec=GZIP, packed=gzip.compress(record(0, b"a", headers=[(NO_NAME, b"x")]))),
        [(0, b"a", "the name of a header is no UTF-8")],
    ),
    "an offset far ahead": (
        batch(record(1000, b"a"), record(1, b"b")),
        [(0, None, "it claims the place of another"), (1, b"b", "")],
    ),
    "an offset far behind": (batch(record(-5, b"a")), [(0, None, "it claims the place")]),
    "one offset twice": (
        batch(record(0, b"a"), record(0, b"b")),
        [(0, b"a", ""), (1, None, "it claims the place of another")],
    ),
    "more records than it says": (
        batch(record(0, b"a"), record(1, b"b"), count=1, places=1),
        [(0, b"a", "")],
    ),
    "fewer records than it says": (
        batch(record(0, b"a"), count=3, places=3),
        [(0, b"a", ""), (2, None, "fewer records than its batch says")],
    ),
    "a number of headers below nothing": (
        batch(record(0, b"a", count=-1), record(1, b"b")),
        [(0, None, "-1 headers"), (1, b"b", "")],
    ),
    "more headers than there are": (
        batch(record(0, b"a", count=1 << 40), record(1, b"b")),
        [(0, None, "index out of range"), (1, b"b", "")],
    ),
    "bytes behind the last record": (
        batch(record(0, b"a"), b"\xff\xff\xff"),
        [(0, b"a", ""), (1, None, "nobody knows where it ends")],
    ),
    "a number without end": (batch(b"\xff" * 20), [(0, None, "nobody knows where it ends")]),
    "a length that lies": (batch(b"\x7e" + b"a"), [(0, None, "nobody knows where it ends")]),
    "what does not unpack": (
        batch(codec=GZIP, packed=b"junk", places=4),
        [(3, None, "its batch does not unpack")],
    ),
    "a codec that is not installed": (
        batch(codec=LZ4, packed=b"junk"),
        [(0, None, "its batch does not unpack")],
    ),
    "places below nothing": (batch(record(0, b"a"), places=-5), [(0, b"a", "")]),
}


@pytest.mark.row("E48")
@pytest.mark.parametrize("name", FLAWED)
def test_a_flawed_record_has_its_place_and_its_neighbours_are_read(name: str) -> None:
    raw, expected = FLAWED[name]

    found = told(read(raw, batch(record(0, b"after"), base=AFTER)))

    assert [(offset, value) for offset, value, _ in found] == [
        *((offset, value) for offset, value, _ in expected),
        (AFTER, b"after"),
    ]
    for (_, _, said), (_, _, flaw) in zip(found, expected, strict=False):
        assert said.startswith(flaw)
        assert bool(said) == bool(flaw)


@pytest.mark.row("E48")
@pytest.mark.parametrize("name", ["a header's name that is no UTF-8", "a number without end"])
def test_aiokafka_alone_still_ends_there(name: str) -> None:
    with pytest.raises((UnicodeDecodeError, CorruptRecordException)):
        read(FLAWED[name][0], kind=MemoryRecords)


@pytest.mark.row("E48")
def test_what_is_torn_is_kept_for_its_letter_and_means_nothing_to_a_table() -> None:
    torn = record(0, b"a", count=-1)
    (found,) = read(batch(torn))

    flaw = flaw_of(found.headers)
    assert flaw is not None
    assert flaw.raw == torn[1:]
    # A table deletes the row of a key that nobody has.
    assert (found.key, found.value) == ("\N{REPLACEMENT CHARACTER}".encode(), None)


def test_a_wrong_checksum_stays_an_error() -> None:
    damaged = bytearray(batch(record(0, b"a", headers=[(NO_NAME, b"x")])))
    damaged[-1] ^= 0xFF

    with pytest.raises(CorruptRecordException, match="Invalid CRC"):
        read(bytes(damaged))


def test_a_fetch_that_ends_within_a_batch_ends_before_it() -> None:
    whole, cut = batch(record(0, b"a")), batch(record(0, b"b"), base=1)

    assert told(read(whole, cut[:-1])) == [(0, b"a", "")]


HEADERS = st.lists(st.tuples(st.binary(max_size=4), st.binary(max_size=4)), max_size=3)
RECORDS = st.lists(
    st.tuples(st.binary(max_size=8), st.none() | st.binary(max_size=8), HEADERS),
    min_size=1,
    max_size=5,
)


def sound(headers: list[tuple[bytes, bytes]]) -> Iterator[tuple[str, bytes]]:
    for name, value in headers:
        yield name.decode(), value


@given(RECORDS)
def test_every_record_is_read_as_aiokafka_reads_it_or_is_marked(
    records: list[tuple[bytes, bytes | None, list[tuple[bytes, bytes]]]],
) -> None:
    raw = batch(*(record(at, value, key, named) for at, (key, value, named) in enumerate(records)))

    found = read(raw)

    assert [(each.offset, each.key, each.value) for each in found] == [
        (at, key, value) for at, (key, value, _) in enumerate(records)
    ]
    for each, (_, _, named) in zip(found, records, strict=True):
        try:
            assert each.headers == tuple(sound(named))
        except UnicodeDecodeError:
            assert flaw_of(each.headers)


@given(RECORDS, st.data())
def test_no_bytes_at_all_end_a_reader_or_take_the_place_of_what_comes_after(
    records: list[tuple[bytes, bytes | None, list[tuple[bytes, bytes]]]], data: st.DataObject
) -> None:
    content = bytearray(
        b"".join(record(at, value, key, named) for at, (key, value, named) in enumerate(records))
    )
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    raw = batch(packed=bytes(content), count=len(records), places=len(records))

    offsets = [each.offset for each in read(raw, batch(record(0, b"after"), base=AFTER))]

    assert offsets == sorted(set(offsets))
    assert offsets[-2:] == [len(records) - 1, AFTER]
