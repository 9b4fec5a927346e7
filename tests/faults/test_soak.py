"""Many faults, one after the other and into each other, for as long as is asked for."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import REAL
from tests.faults.trial import Record, Trial, trial
from tests.real import needs_go, needs_java

# `make soak MINUTES=30 SEED=7`
MINUTES = float(os.environ.get("MINUTES", "3"))
SEED = int(os.environ.get("SEED", "0"))


@pytest.mark.long
@needs_java
@needs_go
@pytest.mark.timeout(MINUTES * 60 + 900)
@pytest.mark.fault("F60")
async def test_many_faults_leave_everything_as_it_must_be(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=180, workers=3, rate=30, parts=REAL) as one:
        dice = random.Random(SEED)
        until = time.monotonic() + MINUTES * 60
        while time.monotonic() < until:
            fault = dice.choice(FAULTS)
            print(f"{fault.__name__.strip('_')}, {one.rules.sent} rules so far")
            await fault(one, dice)
            await asyncio.sleep(dice.uniform(1, 10))
            one.forgive()
        one.over()


async def _kill_worker(one: Trial, dice: random.Random) -> None:
    await one.kill(dice.choice(one.workers))


async def _stop_worker(one: Trial, dice: random.Random) -> None:
    await one.ask_to_stop(dice.choice(one.workers))


async def _pause_worker(one: Trial, dice: random.Random) -> None:
    worker = dice.choice(one.workers)
    pid, seconds = worker.pid, dice.choice([3, 15])
    ready = await one.is_ready(worker)
    await one.pause(pid, seconds)
    # Who is still starting has nothing that another could have by now, and goes on.
    if ready and seconds > 10:
        await one.reborn(worker, pid)


async def _kill_broker(one: Trial, dice: random.Random) -> None:
    await one.kill_broker(dice.uniform(0, 5))


async def _kill_api_server(one: Trial, dice: random.Random) -> None:
    one.api_server.apiserver.kill()
    await asyncio.sleep(dice.uniform(0, 5))
    await one.api_server.start()


async def _write_nonsense(one: Trial, dice: random.Random) -> None:
    await one.write_nonsense(dice.randrange(100, 300))


FAULTS: list[Callable[[Trial, random.Random], Awaitable[None]]] = [
    _kill_worker,
    _stop_worker,
    _pause_worker,
    _kill_broker,
    _kill_api_server,
    _write_nonsense,
]
