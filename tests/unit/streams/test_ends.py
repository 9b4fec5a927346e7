"""What is noted beside a committed offset says how far the changelogs went."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.ends import MOST_BYTES, note, noting, read

ENDS = st.dictionaries(st.text(max_size=40), st.integers(0, 2**63), max_size=12)


@given(st.integers(0, 9), ENDS)
def test_what_is_noted_is_read_again(epoch: int, ends: dict[str, int]) -> None:
    assert read(note(epoch, ends), epoch) in (ends, {})


@given(ENDS)
def test_what_was_noted_in_another_epoch_says_nothing(ends: dict[str, int]) -> None:
    assert read(note(3, ends), 4) == {}


def test_of_a_changelog_without_records_nothing_is_noted() -> None:
    assert read(note(1, {"pods": -1, "wanted": 0}), 1) == {"wanted": 0}


def test_a_note_that_no_broker_would_take_is_none() -> None:
    assert note(1, {"x" * MOST_BYTES: 1}) == ""


@given(st.text(max_size=200))
def test_no_text_breaks_whoever_reads_it(text: str) -> None:
    read(text, 1)


@pytest.mark.parametrize(
    "text", ["", "[1]", "null", '{"pods": "7"}', '{"pods": true}', "[" * 10**6]
)
def test_what_is_no_note_of_ours_says_nothing(text: str) -> None:
    assert read(text, 1) == {}


class Committing:
    """Remembers what it was asked to commit."""

    def __init__(self) -> None:
        self.committed: list[Any] = []

    async def commit(self, offsets: Any) -> None:
        self.committed.append(offsets)


async def test_each_partition_is_committed_with_its_own_note() -> None:
    consumer = Committing()
    one, other = TopicPartition("a", 0), TopicPartition("b", 1)
    plain = {one: OffsetAndMetadata(5, ""), other: OffsetAndMetadata(7, "")}

    with noting(consumer, {0: "zero"}):
        await consumer.commit(plain)
    await consumer.commit(plain)

    told = {one: OffsetAndMetadata(5, "zero"), other: OffsetAndMetadata(7, "")}
    assert consumer.committed == [told, plain]
