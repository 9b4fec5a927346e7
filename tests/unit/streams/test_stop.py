"""A worker that must not go on is stopped, and one that is only slow is not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from streams.stop import (
    CommitsStalled,
    CommitWatch,
    FreezeWatch,
    RecoveryStalled,
    RecoveryWatch,
    fail_stop,
    watch_commits,
    watch_recovery,
)


def test_commits_behind_a_hole_are_stalled_after_a_while() -> None:
    watch: CommitWatch[str] = CommitWatch(after=60)

    early = watch.stalled({"p": [141, 142]}, {"p": 136}, now=0)
    later = watch.stalled({"p": [141, 142, 143]}, {"p": 136}, now=60)

    assert early == []
    assert later == ["p"]


def test_commits_that_move_are_not_stalled() -> None:
    watch: CommitWatch[str] = CommitWatch(after=60)

    watch.stalled({"p": [141]}, {"p": 136}, now=0)

    assert watch.stalled({"p": [150]}, {"p": 142}, now=60) == []


def test_a_hole_that_was_filled_is_forgotten() -> None:
    watch: CommitWatch[str] = CommitWatch(after=60)

    watch.stalled({"p": [141]}, {"p": 136}, now=0)
    watch.stalled({"p": []}, {"p": 136}, now=30)

    assert watch.stalled({"p": [141]}, {"p": 136}, now=60) == []


@pytest.mark.parametrize("committed", [5, 6, 7])
def test_acknowledged_and_not_yet_committed_is_no_hole(committed: int) -> None:
    watch: CommitWatch[str] = CommitWatch(after=0)

    assert watch.stalled({"p": [5, 6]}, {"p": committed}, now=0) == []


def test_a_new_group_waits_from_offset_zero() -> None:
    watch: CommitWatch[str] = CommitWatch(after=0)

    assert watch.stalled({"p": [0, 1], "q": [3]}, {"p": None}, now=0) == ["q"]


class StubApp:
    """As much of an app as the watches look at."""

    rebalancing = False
    rebalancing_count = 0
    in_recovery = False
    should_stop = False

    def __init__(self, acked: dict[str, list[int]]) -> None:
        self.consumer = SimpleNamespace(_acked=acked, _committed_offset={"p": 1}, _commit_fut=None)
        recovery = SimpleNamespace(active_remaining=lambda: {"p": 3})
        self.tables = SimpleNamespace(recovery=recovery)
        self.crashes: list[BaseException] = []
        self.looks = 0

    async def sleep(self, seconds: float) -> None:
        self.looks += 1
        self.should_stop = self.looks > 3
        await asyncio.sleep(0)

    async def crash(self, error: BaseException) -> None:
        self.crashes.append(error)


async def test_stalled_commits_crash_the_app() -> None:
    app = StubApp({"p": [5]})

    await watch_commits(app, CommitWatch(after=0))

    assert isinstance(app.crashes[0], CommitsStalled)
    assert len(app.crashes) == 1


async def test_nothing_is_stalled_during_a_rebalance() -> None:
    app = StubApp({"p": [5]})
    app.rebalancing = True

    await watch_commits(app, CommitWatch(after=0))

    assert app.crashes == []


def test_a_recovery_that_reads_nothing_more_is_stalled_after_a_while() -> None:
    watch = RecoveryWatch(after=60)

    assert [watch.stalled(7, now) for now in (0, 59, 60)] == [False, False, True]


def test_a_recovery_that_reads_on_or_begins_again_is_not_stalled() -> None:
    watch = RecoveryWatch(after=60)

    seen = [watch.stalled(at, now) for at, now in [(7, 0), (6, 59), (6, 70), (None, 80), (6, 130)]]

    assert seen == [False] * 5


@pytest.mark.parametrize("in_recovery", [True, False])
async def test_only_a_stalled_recovery_crashes_the_app(in_recovery: bool) -> None:
    app = StubApp({})
    app.in_recovery = in_recovery

    await watch_recovery(app, RecoveryWatch(after=0))

    assert [type(each) for each in app.crashes] == [RecoveryStalled] * in_recovery


async def test_fail_stop_crashes_and_keeps_the_record() -> None:
    app = StubApp({})
    error = RuntimeError("dependency down")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(fail_stop(app, error), timeout=0.05)

    assert app.crashes == [error]


def watched(
    times: Iterator[float], limit: float, unproven: Callable[[], float] = lambda: 0.0
) -> list[str]:
    """Return why a watch over these times gave up."""
    reasons: list[str] = []
    over = threading.Event()

    def clock() -> float:
        try:
            return next(times)
        except StopIteration:
            over.set()
            return 1000.0

    def give_up(why: str) -> None:
        reasons.append(why)
        over.set()

    with FreezeWatch(limit, unproven=unproven, clock=clock, give_up=give_up):
        assert over.wait(5)
    return reasons


def test_a_process_that_stood_still_is_given_up() -> None:
    reasons = watched(iter([0.0, 0.1, 6.2, 6.3, 1000.0]), limit=0.1)

    assert reasons[0] == "this process stood still for 6.1 s"


def test_a_process_that_hears_nothing_of_its_group_is_given_up() -> None:
    times = iter([0.01 * tick for tick in range(100)])
    silent = iter([0.0, 0.0, 8.1])

    reasons = watched(times, limit=0.1, unproven=lambda: next(silent, 8.2))

    assert reasons[0] == "this process heard nothing of its group for 8.1 s"


def test_a_process_that_runs_is_left_alone() -> None:
    times: list[Any] = [1000.0 - 0.01 * tick for tick in range(20, -1, -1)]

    assert watched(iter(times), limit=0.1) == []
