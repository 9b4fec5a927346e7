"""Nothing is lost and nothing is blocked, whatever happens to three workers and their broker.

``STORMS`` says how many storms rage, each with a seed of its own.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from deploy.local.broker.apache import ApacheBroker
from deploy.provision import provision
from tests.integration.broker.storm import Storm
from tests.integration.broker.test_worker import Reader
from tests.integration.broker.two_hops import TOPICS
from tests.real import needs_java

STORMS = int(os.environ.get("STORMS", "1"))
WITHIN = 180.0


# Shorter than the storm through the whole pipeline, which every run has.
@pytest.mark.long
@needs_java
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(STORMS))
@pytest.mark.fault("F13", "F20", "F22", "F23")
async def test_every_note_gets_through_the_storm(tmp_path: Path, seed: int) -> None:
    async with ApacheBroker(tmp_path / "kafka") as broker:
        await provision(TOPICS, bootstrap_servers=broker.bootstrap)
        storm = Storm(broker, tmp_path, seed)
        storm.start("worker-0", "worker-1", "worker-2")
        keeping = asyncio.create_task(storm.keep())
        feeding = asyncio.create_task(storm.feed())
        try:
            await storm.disturber.rage()
            storm.end_feeding()
            await feeding
            async with Reader(broker, "results") as results:
                await results.until(storm.sent, WITHIN)
            left = await drained(storm)
        finally:
            keeping.cancel()
            storm.stop()

    twice = len(results.values) - len(results.numbers)
    print(f"{storm.disturber.told}: {storm.sent} sent, {twice} twice, {storm.restarts} restarts")
    lost = sorted(set(range(storm.sent)) - results.numbers)
    assert (len(lost), lost[:20]) == (0, [])
    assert left == {}


async def drained(storm: Storm) -> dict[str, int]:
    """Return what is not committed once everything is, or time is up."""
    deadline = time.monotonic() + WITHIN
    left = await storm.behind()
    while left and time.monotonic() < deadline:
        left = await storm.behind()
    return left
