"""Lines between the parts are slow, break, lose what is said or fall silent: nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.workers import WorkerProcess
from tests.e2e.acting import until_true
from tests.faults.line import ANSWERED, BOTH, Line, Trouble
from tests.faults.lines import LINED, LINED_REAL, lines_of
from tests.faults.trial import Record, Trial, trial
from tests.real import needs_go, needs_java

LONG = pytest.mark.long
# A wedge is to be told within a minute; who looks does so every ten seconds.
TOLD_WITHIN = 75.0
POOR = Trouble(delay=0.1, jitter=0.05, resets=0.01)
# What is sent on these follows from what was read, and is the same whenever it is sent again.
COPIED = ("graph-facts", "pod-rules", "policy-patches.local")


@LONG
@needs_java
@needs_go
@pytest.mark.fault("F54")
async def test_every_line_is_slow_and_some_break(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=60, parts=LINED_REAL) as one:
        for lines in lines_of(one):
            lines.suffer(POOR)
        await one.fed(2000)
        resets = sum(line.resets for lines in lines_of(one) for line in lines.all)
        record_property("resets", resets)
        assert resets > 10
        for lines in lines_of(one):
            lines.suffer(Trouble())
        one.over()


@LONG
@needs_java
@pytest.mark.fault("F12")
async def test_acknowledgements_of_the_broker_are_lost(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=60, parts=LINED) as one:
        before = await copies(one)
        for _ in range(8):
            for lines in lines_of(one):
                await lose_answers(lines.broker, 0.5)
            await one.fed(40)
        one.over()
        await one.actor.settled()
        assert await copies(one) > before


async def lose_answers(line: Line, seconds: float) -> None:
    """Carry what is asked and not what is answered, and then break."""
    line.trouble = Trouble(lost=frozenset({ANSWERED}))
    await asyncio.sleep(seconds)
    line.trouble = Trouble()
    await line.reset()


async def copies(one: Trial) -> int:
    """Return how many records say what another one says."""
    found = [record for topic in COPIED for record in await one.actor.consume(topic)]
    same = Counter((record.topic, record.key, record.value) for record in found)
    return sum(count - 1 for count in same.values())


@LONG
@needs_java
@needs_go
@pytest.mark.fault("F55")
async def test_a_worker_that_does_not_reach_the_broker_says_so_and_leaves_its_work_to_another(
    tmp_path: Path, record_property: Record
) -> None:
    # Not many rules: a pod that is born waits behind those that nobody handled meanwhile.
    async with trial(tmp_path, record_property, bound=60, rate=5, parts=LINED_REAL) as one:
        # Each in turn, for one of them tells of the pods.
        for number, lines in enumerate(lines_of(one), 1):
            async with silence(one, one.workers[number - 1], lines.broker):
                await until_isolated(one, f"newcomer-{number}", f"10.244.9.{number}")
        one.over()


@LONG
@needs_java
@needs_go
@pytest.mark.fault("F55")
async def test_a_worker_that_does_not_reach_the_api_server_says_so(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=60, rate=5, parts=LINED_REAL) as one:
        for worker, lines in zip(one.workers, lines_of(one), strict=True):
            async with silence(one, worker, lines.kube):
                await one.fed(100)
        one.over()


@asynccontextmanager
async def silence(one: Trial, worker: WorkerProcess, line: Line) -> AsyncIterator[None]:
    """Have nothing arrive on a line until the worker said so, and then for a block."""
    pid = worker.pid

    async def is_unwell() -> bool:
        return worker.pid != pid or not await one.is_ready(worker)

    line.trouble = Trouble(lost=BOTH)
    await until_true(is_unwell, TOLD_WITHIN)
    yield
    line.trouble = Trouble()
    await line.reset()
    await one.actor.world.workers.until_ready()


async def until_isolated(one: Trial, name: str, address: str) -> None:
    """Have a pod born, and return when it has its policy."""
    await one.actor.create_pod(name, address)

    async def is_isolated() -> bool:
        return name in await one.actor.policies()

    await until_true(is_isolated)
