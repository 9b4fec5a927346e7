"""Workers die, stand still, come and go under load: nothing is lost, late, or open meanwhile."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import resource
import select
import shutil
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from streams.failpoint import STEPS, VARIABLE
from tests.e2e.conftest import REAL
from tests.faults.disk import fill, small_disk
from tests.faults.trial import Record, trial
from tests.real import needs_go, needs_java

SESSION = 10.0
LONG = pytest.mark.long
# `make faults` tries more: 60 and 15, which is five minutes of each.
KILLS = int(os.environ.get("KILLS", "8"))
CHANGES = int(os.environ.get("CHANGES", "1"))


# Every run kills workers at any moment, in the storm and in e2e/test_kills.
@LONG
@pytest.mark.fault("F20")
@pytest.mark.parametrize("step", STEPS)
async def test_a_worker_is_killed_at_a_step(
    tmp_path: Path, record_property: Record, step: str
) -> None:
    async with trial(tmp_path, record_property, bound=SESSION + 3 + 20) as one:
        for worker in one.workers:
            plain = worker.environment
            worker.environment = {**plain, VARIABLE: f"{step}:5"}
            await one.kill(worker)
            # Who comes after it lives.
            worker.environment = plain
        # Some steps only the owner of the graph takes: one of them dies, perhaps both.
        pids = [worker.pid for worker in one.workers]
        await one.actor.until(lambda: [worker.pid for worker in one.workers] != pids)
        one.kills += 1
        one.over()


@LONG
@needs_java
@pytest.mark.fault("F21", "F20")
async def test_workers_are_killed_and_asked_to_stop_again_and_again(
    tmp_path: Path, record_property: Record
) -> None:
    dice = random.Random(21)
    # After so many who never said goodbye the embedded broker lets nobody join its groups.
    async with trial(tmp_path, record_property, bound=60, parts={"broker": "kafka"}) as one:
        for _ in range(KILLS):
            worker = dice.choice(one.workers)
            if dice.random() < 0.7:
                await one.kill(worker)
            else:
                await one.ask_to_stop(worker)
            await asyncio.sleep(dice.uniform(0.1, 3))
        one.over()


@LONG
@needs_java
@needs_go
@pytest.mark.timeout(1200)
@pytest.mark.fault("F23")
async def test_workers_come_and_go_under_load(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=180, workers=3, rate=100, parts=REAL) as one:
        writes, sent, began = len(one.actor.policy_writes()), one.rules.sent, time.monotonic()
        for number in range(3, 3 + CHANGES):
            await asyncio.sleep(10)
            await one.dismiss(one.workers[0])
            await asyncio.sleep(10)
            another = one.actor.world.worker(number)
            another.start()
            one.workers.append(another)
        one.over()
        await one.calm_down()
        seconds = time.monotonic() - began
        await one.actor.settled("300")
        written, told = len(one.actor.policy_writes()) - writes, one.rules.sent - sent
        record_property("writes", written)
        # A rule is about two pods, and every two seconds a guest comes or goes.
        assert written <= 1.1 * (2 * told + seconds)


@pytest.mark.fault("F22")
async def test_a_worker_that_stood_still_past_its_session_writes_nothing_stale(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=30) as one:
        for worker in one.workers:
            pid = worker.pid
            await one.pause(pid, SESSION + 5)
            one.over()
            await one.reborn(worker, pid)


@LONG
@pytest.mark.fault("F28")
async def test_a_worker_that_stands_still_for_less_than_a_session_goes_on(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=30) as one:
        for worker in one.workers:
            await one.pause(worker.pid, 3)
            assert not worker.has_died()
        one.over()


@LONG
@pytest.mark.fault("F29")
async def test_a_worker_that_is_asked_to_stop_hands_over_at_once(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=20) as one:
        took = await one.dismiss(one.workers[0])
        record_property("stopped in", round(took, 1))
        assert took < SESSION
        one.over()


@LONG
@pytest.mark.fault("F30")
async def test_the_rows_of_a_worker_are_wiped(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=30) as one:
        for worker in one.workers:
            pid = worker.pid
            os.kill(pid, signal.SIGSTOP)
            shutil.rmtree(one.folder(worker))
            os.kill(pid, signal.SIGKILL)
            one.kills += 1
            await one.reborn(worker, pid)
        one.over()


@pytest.mark.fault("F31")
@pytest.mark.parametrize("harm", [pytest.param("flip", marks=LONG), "truncate"])
async def test_files_of_the_rows_are_damaged(
    tmp_path: Path, record_property: Record, harm: str
) -> None:
    async with trial(tmp_path, record_property, bound=60) as one:
        worker = one.workers[0]
        pid = worker.pid
        os.kill(pid, signal.SIGSTOP)
        damaged = [damage(path, harm) for path in one.folder(worker).rglob("*") if is_data(path)]
        assert damaged
        os.kill(pid, signal.SIGKILL)
        one.kills += 1
        await one.reborn(worker, pid)
        one.over()


@LONG
@pytest.mark.fault("F36")
async def test_a_second_worker_with_the_rows_of_one_is_refused(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=20) as one:
        second = one.actor.world.worker(0)
        second.log = tmp_path / "second.log"
        second.start()
        assert second.process is not None
        assert await asyncio.to_thread(second.process.wait, 30) == 2
        assert "another worker uses it: give each its own" in second.tail()
        one.over()


@LONG
@pytest.mark.fault("F59")
async def test_nobody_reads_what_workers_say(tmp_path: Path, record_property: Record) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # Open for both, and never read; a page is as small as a pipe can be.
    held = os.open(pipe, os.O_RDWR)
    fcntl.fcntl(held, fcntl.F_SETPIPE_SZ, 4096)
    async with trial(tmp_path, record_property, bound=30) as one:
        for worker in one.workers:
            worker.log = pipe
            await one.kill(worker)
        await one.fed(200)
        assert not select.select([], [held], [], 0)[1]
        one.over()
    os.close(held)


@LONG
@pytest.mark.fault("F27")
@pytest.mark.parametrize(
    "limit", [resource.RLIMIT_AS, resource.RLIMIT_NOFILE], ids=["memory", "files"]
)
@pytest.mark.row("G19")
async def test_a_worker_has_nothing_left(
    tmp_path: Path, record_property: Record, limit: int
) -> None:
    async with trial(tmp_path, record_property, bound=60) as one:
        for worker in one.workers:
            pid = worker.pid
            before = resource.prlimit(pid, limit)
            resource.prlimit(pid, limit, (used(pid, limit), before[1]))
            await one.fed(100)
            if worker.pid == pid:
                resource.prlimit(pid, limit, before)
            one.forgive()
        one.over()


def used(pid: int, limit: int) -> int:
    """Return what a process has of it by now, and next to nothing more."""
    if limit == resource.RLIMIT_NOFILE:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    return pages * resource.getpagesize() + (1 << 20)


@LONG
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk of its own")
@pytest.mark.fault("F32")
async def test_the_disk_of_the_rows_is_full(tmp_path: Path, record_property: Record) -> None:
    with ExitStack() as mounts:
        async with trial(tmp_path, record_property, bound=60) as one:
            worker = one.workers[0]
            await one.dismiss(worker)
            folder = one.folder(worker)
            shutil.rmtree(folder)
            mounts.enter_context(small_disk(folder, megabytes=24))
            one.workers.append(worker)
            worker.start()
            await one.actor.world.workers.until_ready()
            ballast = fill(folder)
            for _ in range(10):
                await one.fed(20)
                # It dies again and again, as it should.
                one.forgive()
            ballast.unlink()
            one.over()


def is_data(path: Path) -> bool:
    """Tell whether a file holds rows, or says which files do."""
    return path.suffix in (".sst", ".log") or path.name.startswith("MANIFEST")


def damage(path: Path, harm: str) -> Path:
    """Spoil a file in its middle."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    if harm == "truncate":
        content = content[:middle]
    elif content:
        content[middle] ^= 0xFF
    path.write_bytes(content)
    return path
