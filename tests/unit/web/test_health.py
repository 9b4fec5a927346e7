"""Health tells standing still from having nothing to do; readiness tells why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.web.health import Health, unready
from agents.web.worker import WorkerState

IDLE = WorkerState(
    tables_ready=True, assigned={"pod-events": [0]}, committed={"pod-events": {0: 9}}
)

STUCK = {
    "recovery": replace(IDLE, recovering=True, to_recover=100),
    "rebalance": replace(IDLE, rebalancing=True, rebalances=3),
    "handling of pod-events/0": replace(IDLE, handling={"pod-events": {0: 9}}),
    "commit of pod-events/0": replace(IDLE, handled={"pod-events": {0: 9}}),
}
MOVED = {
    "recovery": replace(IDLE, recovering=True, to_recover=99),
    "rebalance": replace(IDLE, rebalancing=True, rebalances=4),
    "handling of pod-events/0": replace(IDLE, handling={"pod-events": {0: 10}}),
    "commit of pod-events/0": replace(IDLE, handled={"pod-events": {0: 10}}),
}


def observe(*states: WorkerState, every: float = 30.0) -> list[list[str]]:
    health = Health(after=60.0)
    return [health.observe(state, number * every) for number, state in enumerate(states)]


def test_an_idle_worker_is_healthy_for_ever() -> None:
    assert observe(*[IDLE] * 100) == [[]] * 100


@pytest.mark.parametrize("name", STUCK)
def test_what_stands_still_for_a_minute_is_wedged(name: str) -> None:
    verdicts = observe(*[STUCK[name]] * 4)

    assert [len(verdict) for verdict in verdicts] == [0, 0, 1, 1]
    assert verdicts[2] == [f"{name} stands still for 60 s"]


@pytest.mark.parametrize("name", STUCK)
def test_what_moves_is_not_wedged_however_long_it_takes(name: str) -> None:
    verdicts = observe(*[STUCK[name], STUCK[name], MOVED[name], MOVED[name]] * 5)

    assert verdicts == [[]] * 20


@pytest.mark.parametrize("name", STUCK)
def test_what_was_wedged_is_healthy_again_once_it_moves(name: str) -> None:
    assert observe(STUCK[name], STUCK[name], STUCK[name], MOVED[name], IDLE)[2:] == [
        [f"{name} stands still for 60 s"],
        [],
        [],
    ]


def test_one_partition_that_moves_does_not_hide_one_that_does_not() -> None:
    states = [replace(IDLE, handled={"pod-events": {0: 9, 1: number}}) for number in range(3)]

    assert observe(*states)[2] == ["commit of pod-events/0 stands still for 60 s"]


def test_a_worker_that_stops_is_not_healthy() -> None:
    assert observe(replace(IDLE, stopping=True)) == [["stopping"]]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (replace(IDLE, assigned={}), "no partitions assigned"),
        (replace(IDLE, rebalancing=True), "rebalancing"),
        (replace(IDLE, recovering=True), "recovering tables"),
        (replace(IDLE, tables_ready=False), "recovering tables"),
    ],
)
def test_a_worker_that_cannot_do_its_part_says_why(state: WorkerState, reason: str) -> None:
    assert unready(state, [], {}) == [reason]


def test_a_worker_is_ready_when_all_its_hands_are() -> None:
    assert unready(IDLE, [], {"watcher": lambda: None}) == []


def test_a_wedged_worker_is_not_ready() -> None:
    assert unready(IDLE, ["recovery stands still"], {}) == ["recovery stands still"]


def test_each_hand_that_is_not_ready_is_named() -> None:
    checks = {"watcher": lambda: "lists", "applier": lambda: None, "aligner": lambda: "no Verefoo"}

    assert unready(IDLE, [], checks) == ["watcher: lists", "aligner: no Verefoo"]


def test_a_hand_that_cannot_say_how_it_is_is_not_ready() -> None:
    def broken() -> str | None:
        raise RuntimeError("first\nsecond")

    assert unready(IDLE, [], {"watcher": broken}) == ["watcher: RuntimeError: first\\nsecond"]


def test_a_worker_is_not_ready_once_the_broker_is_silent_and_is_not_wedged_by_it() -> None:
    said = [unready(replace(IDLE, silence=seconds), [], {}) for seconds in (29.0, 31.0)]

    assert said == [[], ["the broker has been silent for 31 s"]]
    assert observe(*[replace(IDLE, silence=90.0)] * 4) == [[]] * 4
