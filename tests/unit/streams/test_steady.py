"""What is fetched while a worker resumes is kept, and a table knows what it knows."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka import TopicPartition
from faust.exceptions import ConsistencyError
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.app import KafkaOptions, create_app
from streams.steady import (
    MAX_REMEMBERED,
    ROWS_AHEAD,
    Contiguous,
    SteadyConsumer,
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


class StubThread:
    """A thread whose fetch lasts while somebody pauses every partition."""

    def __init__(self, shared: set[TP], committed: dict[TP, int | None]) -> None:
        self._shared = shared
        self._committed = committed
        self.sought: set[TP] = set()

    async def getmany(self, active: set[TP], _timeout: float) -> set[TP]:
        self._shared.clear()
        return active

    async def seek_to_committed(self) -> dict[TP, int | None]:
        return self._committed

    async def seek_to_beginning(self, *partitions: TP) -> None:
        assert all(isinstance(tp, TopicPartition) for tp in partitions)
        self.sought |= set(partitions)

    def assignment(self) -> set[TP]:
        return set(self._committed)


def consumer_on(app: faust.App, thread: StubThread) -> Any:
    # The real thread opens an event loop of its own, which nobody would close.
    consumer: Any = SteadyConsumer.__new__(SteadyConsumer)
    consumer.app, consumer._thread = app, thread
    consumer._read_offset, consumer._committed_offset = {}, {}
    return consumer


async def test_a_fetch_under_way_asks_for_no_more_when_everything_is_paused(app: faust.App) -> None:
    active = {TP("changelog", 0)}
    consumer = consumer_on(app, StubThread(active, {}))

    asked = await consumer._getmany(active, 1.0)

    # aiokafka takes no partitions for all of them.
    assert asked == {TP("changelog", 0)}


async def test_where_nothing_is_committed_a_stream_is_read_from_its_beginning(
    app: faust.App,
) -> None:
    changelog = app.Table("t", partitions=1).changelog_topic_name
    committed = {TP("a", 0): 7, TP("a", 1): None, TP("a", 2): 0, TP(changelog, 0): None}
    consumer = consumer_on(app, thread := StubThread(set(), committed))

    await consumer.perform_seek()

    assert thread.sought == {TP("a", 1), TP("a", 2)}


CHANGELOG, STREAM = TP("changelog", 0), TP("stream", 0)


@pytest.mark.parametrize(
    ("flows", "active", "buffered", "takes"),
    [
        (True, {STREAM}, set(), True),
        (True, {CHANGELOG}, set(), False),
        (True, {CHANGELOG}, {STREAM}, True),
        (False, {STREAM}, {STREAM}, False),
    ],
)
async def test_only_what_would_be_handed_on_counts_as_fetched(
    app: faust.App, flows: bool, active: set[TP], buffered: set[TP], takes: bool
) -> None:
    consumer = consumer_on(app, StubThread(active, {}))
    consumer.flow_active = flows
    consumer._active_partitions, consumer._buffered_partitions = active, buffered

    assert consumer.takes(STREAM) is takes


async def test_a_rebalance_forgets_which_buffers_were_full(app: faust.App) -> None:
    consumer = consumer_on(app, StubThread({STREAM}, {}))
    consumer.flow_active = True
    consumer._active_partitions, consumer._buffered_partitions = {CHANGELOG}, {STREAM}
    consumer._paused_partitions = set()
    taken: list[bool] = []

    async def revoke(revoked: set[TP]) -> None:
        taken.append(consumer.takes(STREAM))

    consumer._gap = consumer._acked = consumer._acked_index = {}
    consumer._on_partitions_revoked = revoke
    consumer.diag = SimpleNamespace(set_flag=lambda _: None, unset_flag=lambda _: None)
    app._start_span_from_rebalancing = lambda _: nullcontext()

    await consumer.on_partitions_revoked({STREAM})

    assert taken == [False]


def test_offsets_in_turn_are_known_at_once() -> None:
    known = Contiguous()

    assert [known.advance(-1, offset) for offset in range(3)] == [0, 1, 2]


@pytest.mark.fault("F34")
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


def sent(offset: int, changelog: tuple[str, int] = ("changelog", 0)) -> Any:
    metadata = SimpleNamespace(topic_partition=changelog, offset=offset)
    return SimpleNamespace(result=lambda: metadata)


async def test_an_app_is_steady_throughout(app: faust.App) -> None:
    table = app.Table("t", partitions=1)

    assert isinstance(table, SteadyTable)
    assert isinstance(app.tables, SteadyTableManager)
    assert isinstance(app.tables.recovery, SteadyRecovery)
    assert app.transport.Consumer.func is SteadyConsumer


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


@pytest.mark.fault("F34")
async def test_an_emptied_changelog_goes_on_where_recovery_found_it(app: faust.App) -> None:
    table = app.Table("t", partitions=1)
    table._data = store = StubStore(None)
    app.tables.recovery.active_offsets["changelog", 0] = 41

    table._on_changelog_sent(sent(42))

    assert store.offset == 42


class Noted:
    """A consumer at a broker whose changelogs end here, and went as far as was noted."""

    def __init__(self, end: int, noted: int) -> None:
        self._end, self._noted = end, noted

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, self._end)

    async def noted_ends(self) -> dict[TP, int]:
        return {TP("changelog", 0): self._noted, TP("somebody-elses", 0): 1000}


@pytest.mark.fault("F35")
async def test_a_changelog_that_lost_its_end_is_recovered_by_nobody(app: faust.App) -> None:
    recovery, found = SteadyRecovery(app, app.tables), Counter[TP]()

    with pytest.raises(ConsistencyError, match="ends at 9, and went to 10 before"):
        await recovery._build_highwaters(Noted(10, 10), {TP("changelog", 0)}, found, "active")

    await recovery._build_highwaters(Noted(10, 9), {TP("changelog", 0)}, found, "active")
    assert found == {TP("changelog", 0): 9}


async def test_a_table_knows_how_far_its_changelog_goes(app: faust.App) -> None:
    table = app.Table("t", partitions=1)
    table._data = StubStore(None)
    changelog = TP(table.changelog_topic_name, 0)
    known = [table.end(0)]

    app.tables.recovery.active_offsets[changelog] = 41
    known.append(table.end(0))
    for offset in (44, 43):
        table._on_changelog_sent(sent(offset, changelog))
    known.append(table.end(0))

    assert known == [-1, 41, 44]


async def test_rows_ahead_of_their_changelog_are_told_with_what_helps(
    app: faust.App, caplog: pytest.LogCaptureFixture
) -> None:
    recovery = SteadyRecovery(app, app.tables)

    await recovery.crash(ConsistencyError("10 > 6"))

    assert recovery.crashed
    assert ROWS_AHEAD in caplog.messages[0]


async def test_no_partition_is_looked_at_in_turn_for_what_is_watched_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[TP] = []
    consumer: Any = SteadyConsumer.__new__(SteadyConsumer)
    monkeypatch.setattr(SteadyConsumer, "assignment", lambda self: {TP("t", 0)})
    monkeypatch.setattr(
        SteadyConsumer, "verify_event_path", lambda self, now, tp: looked.append(tp)
    )

    await consumer.verify_all_partitions_active()

    assert looked == []
