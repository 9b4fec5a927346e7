"""What a worker says of itself is what Faust knows, changelogs left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from agents.web.worker import look_at

EVENTS, FACTS, CHANGELOG = TP("pod-events", 0), TP("graph-facts", 1), TP("x-pods-changelog", 0)


class Consumer:
    """A consumer that has read some records; it knows no end of graph-facts."""

    def __init__(self) -> None:
        self._committed_offset: dict[TP, int | None] = {EVENTS: 5}
        self._read_offset: dict[TP, int | None] = {EVENTS: 8}
        self._acked: dict[TP, list[int]] = defaultdict(list)
        self.unacked: set[Any] = set()
        self.silence = 3.0

    def highwater(self, tp: TP) -> int:
        return {EVENTS: 12, CHANGELOG: 99}[tp]


def app(consumer: Consumer, **more: Any) -> Any:
    tables = SimpleNamespace(
        changelog_topics={CHANGELOG.topic},
        actives_ready=True,
        recovery=SimpleNamespace(active_remaining=lambda: Counter({CHANGELOG: 3})),
    )
    known = {
        "consumer": consumer,
        "tables": tables,
        "assignor": SimpleNamespace(assigned_actives=lambda: {EVENTS, FACTS, CHANGELOG}),
        "should_stop": False,
        "crashed": False,
        "rebalancing": False,
        "rebalancing_count": 1,
        "in_recovery": False,
    }
    return SimpleNamespace(**(known | more))


def message(tp: TP, offset: int, acked: bool = False) -> Any:
    return type("Message", (), {"tp": tp, "offset": offset, "acked": acked})()


def test_topics_are_shown_with_where_they_are_and_changelogs_are_not() -> None:
    state = look_at(app(Consumer()))

    assert state.assigned == {"pod-events": [0], "graph-facts": [1]}
    assert state.committed == {"pod-events": {0: 5}}
    assert state.lag == {"pod-events": {0: 7}}
    assert state.to_recover == 3
    assert state.silence == 3.0
    assert state.sizes() == {"pod-events": 1, "graph-facts": 1}
    assert state.lag_by_topic() == {"pod-events": 7}


def test_the_lag_of_what_was_never_read_nor_committed_is_unknown() -> None:
    consumer = Consumer()
    consumer._committed_offset = {EVENTS: None}
    consumer._read_offset = {}

    assert look_at(app(consumer)).lag == {}


def test_the_oldest_record_in_hand_is_named() -> None:
    consumer = Consumer()
    consumer.unacked = {
        message(EVENTS, 7),
        message(EVENTS, 6),
        message(EVENTS, 5, acked=True),
        message(CHANGELOG, 1),
    }

    assert look_at(app(consumer)).handling == {"pod-events": {0: 6}}


def test_handled_records_wait_for_their_commit_where_it_stands() -> None:
    consumer = Consumer()
    consumer._acked[EVENTS] = [7, 8]
    consumer._acked[FACTS] = []

    assert look_at(app(consumer)).handled == {"pod-events": {0: 5}}


def test_a_worker_that_crashed_is_stopping() -> None:
    assert look_at(app(Consumer(), crashed=True)).stopping
    assert look_at(app(Consumer(), should_stop=True)).stopping
    assert not look_at(app(Consumer())).stopping
