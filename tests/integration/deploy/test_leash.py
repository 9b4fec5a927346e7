"""What a process started does not outlive it, however it ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.processes import children, runs

OWNER = """
import subprocess, sys, time
from deploy.local.leash import hold
children = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(3)]
for child in children:
    hold(child.pid)
children[0].kill()
children[0].wait()
print(*(child.pid for child in children), flush=True)
{then}
"""
WITHIN = 60.0


@contextmanager
def owner(then: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    command = [sys.executable, "-c", OWNER.format(then=then)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, [int(each) for each in process.stdout.readline().split()]
        finally:
            process.kill()


def soon(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


@pytest.mark.parametrize("then", ["sys.exit()", "sys.exit(1)", "1 / 0"])
def test_children_end_with_an_owner_that_ends(then: str) -> None:
    with owner(then) as (process, pids):
        process.wait(WITHIN)
        soon(lambda: not any(map(runs, pids)))


def test_children_and_who_holds_them_end_with_an_owner_that_is_killed() -> None:
    with owner("time.sleep(600)") as (process, pids):
        _, second, third = pids
        started = list(children(process.pid))
        assert {second, third} < set(started)
        assert len(started) == 3
        assert runs(second)

        process.kill()
        process.wait()

        soon(lambda: not any(map(runs, started)))


def test_children_of_a_living_owner_are_left_alone() -> None:
    with owner("time.sleep(600)") as (_, pids):
        time.sleep(0.5)
        assert [runs(pid) for pid in pids] == [False, True, True]
