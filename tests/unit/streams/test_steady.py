"""What is fetched while a worker resumes is kept, and a table knows what it knows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.app import KafkaOptions, create_app
from streams.steady import (
    MAX_REMEMBERED,
    Contiguous,
    SteadyRecovery,
    SteadyTable,
    SteadyTableManager,
    fetch_held_back,
)


class StubConsumer:
    """Says in which order it was resumed."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def resume_partitions(self, partitions: set[str]) -> None:
        self.calls.append(("fetch", set(partitions)))

    def resume_flow(self) -> None:
        self.calls.append("flow")


def test_partitions_are_fetched_after_the_flow_runs() -> None:
    consumer = StubConsumer()

    with fetch_held_back(consumer):
        consumer.resume_partitions({"p", "q"})
        consumer.calls.append("seek")
        consumer.resume_flow()

    assert consumer.calls == ["seek", "flow", ("fetch", {"p", "q"})]


def test_a_resumption_that_failed_opens_nothing_and_leaves_no_trace() -> None:
    consumer = StubConsumer()

    def resume_and_fail() -> None:
        with fetch_held_back(consumer):
            consumer.resume_partitions({"p"})
            raise RuntimeError("another rebalance")

    with pytest.raises(RuntimeError):
        resume_and_fail()
    consumer.resume_partitions({"q"})

    assert consumer.calls == [("fetch", {"q"})]


def test_offsets_in_turn_are_known_at_once() -> None:
    known = Contiguous()

    assert [known.advance(-1, offset) for offset in range(3)] == [0, 1, 2]


def test_a_late_write_behind_a_gap_does_not_count() -> None:
    # Offsets 611 to 1511 were written by the worker that took over.
    assert Contiguous().advance(610, 1512) == 610


def test_what_recovery_read_closes_the_gap() -> None:
    known = Contiguous()
    known.advance(610, 1512)

    assert known.advance(1600, 1601) == 1601


@given(st.permutations(range(12)))
def test_the_order_of_acknowledgements_does_not_matter(offsets: list[int]) -> None:
    known = Contiguous()

    reached = [known.advance(-1, offset) for offset in offsets]

    assert reached == sorted(reached)
    assert reached[-1] == 11


def test_offsets_beyond_a_gap_take_bounded_memory() -> None:
    known = Contiguous()

    for offset in range(10, 3 * MAX_REMEMBERED):
        known.advance(-1, offset)

    assert len(known._ahead) <= MAX_REMEMBERED


class StubStore:
    """A store that remembers one offset."""

    def __init__(self, offset: int | None) -> None:
        self.offset = offset

    def persisted_offset(self, tp: object) -> int | None:
        return self.offset

    def set_persisted_offset(self, tp: object, offset: int) -> None:
        self.offset = offset


@pytest.fixture
def app(tmp_path: Path) -> faust.App:
    options = KafkaOptions("127.0.0.1:1", "steady-test", tmp_path / "deep" / "er", web_port=None)
    return create_app(options, store="memory://")


def sent(offset: int) -> Any:
    metadata = SimpleNamespace(topic_partition=("changelog", 0), offset=offset)
    return SimpleNamespace(result=lambda: metadata)


async def test_an_app_has_steady_tables(app: faust.App) -> None:
    table = app.Table("t", partitions=1)

    assert isinstance(table, SteadyTable)
    assert isinstance(app.tables, SteadyTableManager)
    assert isinstance(app.tables.recovery, SteadyRecovery)


@pytest.mark.parametrize(
    ("before", "written", "after"),
    [(None, 0, 0), (None, 7, None), (7, 8, 8), (7, 5, 7), (610, 1512, 610)],
)
async def test_a_table_persists_only_what_it_knows_without_gaps(
    app: faust.App, before: int | None, written: int, after: int | None
) -> None:
    table = app.Table("t", partitions=1)
    table._data = store = StubStore(before)

    table._on_changelog_sent(sent(written))

    assert store.offset == after


async def test_an_emptied_changelog_goes_on_where_recovery_found_it(app: faust.App) -> None:
    table = app.Table("t", partitions=1)
    table._data = store = StubStore(None)
    app.tables.recovery.active_offsets["changelog", 0] = 41

    table._on_changelog_sent(sent(42))

    assert store.offset == 42
