"""Ten thousand pods with a rule each: written, recovered, and changed: P2, P4, P5, P7 and P8."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure, Spread
from tests.benchmarks.flipping import flip
from tests.benchmarks.ground import Ground, ground
from tests.benchmarks.limits import apply_rate, bare_hops, bare_patches
from tests.benchmarks.steady import HOPS, RATE, latency_figure

PODS = 10_000
SHADOW = "VEREFLOW_CLUSTER__SHADOW"
PROBED = 1000
WRITTEN_WITHIN = 900.0


async def crowd(folder: Path, parts: dict[str, Any], length: float) -> AsyncIterator[Figure]:
    """Yield the figures of one large world; a length of 1 is what was asked for."""
    pods = max(200, int(PODS * length))
    # Everything is computed and nothing written, until it goes live all at once.
    async with ground(folder, 1, {**parts, "environment": {SHADOW: '["*"]'}}) as world:
        await world.grow(pods // 10)
        await flip(world, RATE, 10)
        few = await flip(world, RATE, 60 * length)
        await world.grow(pods)
        await world.chain()
        async for figure in written(world):
            yield figure
        yield await recovered(world)
        hop, patch = await bare_hops(world.actor), await bare_patches(world.actor)
        await flip(world, RATE, 10)
        many = await flip(world, RATE, 60 * length)
        limit = HOPS * Spread.of(hop).p50 + Spread.of(patch).p50
        yield latency_figure(pods, many, limit)
        more, less = many.milliseconds("workers"), few.milliseconds("workers")
        yield Figure(
            "P4",
            f"CPU of a rule change at {pods} pods, beside {pods // 10}",
            f"{more:.1f} ms beside {less:.1f} ms",
            "1.3 of it; 10 ms",
            more <= 1.3 * less and more <= 10,
            ratio=more / less,
            peer="Otterize 223-250 ms at 1,000",
        )


async def written(world: Ground) -> AsyncIterator[Figure]:
    """P5 and P8: go live, and write what is wanted as fast as the server takes it."""
    concurrency = world.actor.world.settings.cluster.concurrency
    bare = await apply_rate(world.actor, concurrency, PROBED)
    wanted = len(world.pods)
    before = len(world.actor.policy_writes())
    (worker,) = world.actor.world.workers.workers
    await world.actor.world.workers.stop()
    worker.environment = {**worker.environment, SHADOW: "[]"}
    worker.start()
    first = last = 0.0
    deadline, count = time.monotonic() + WRITTEN_WITHIN, 0
    while count < wanted and time.monotonic() < deadline:
        count = len(world.actor.policy_writes()) - before
        last = time.monotonic()
        first = first or (last if count else 0.0)
        await asyncio.sleep(0.1)
    rate = count / max(last - first, 0.001)
    await world.settled()
    for goal, what in (("P5", f"{count} policies written"), ("P8", f"{concurrency} at once")):
        limit = f"{bare:.0f}/s: a bare client, {concurrency} at once"
        yield Figure(goal, what, f"{rate:.0f}/s", "0.8", rate >= 0.8 * bare, limit, rate / bare)


async def recovered(world: Ground) -> Figure:
    """P7: a worker that lost all its rows."""
    (worker,) = world.actor.world.workers.workers
    await world.actor.world.workers.stop()
    shutil.rmtree(world.actor.world.plan.state_dir / "workers" / worker.name)
    before, began = len(world.actor.policy_writes()), time.monotonic()
    await world.actor.world.workers.start()
    seconds = time.monotonic() - began
    keys = 5 * len(world.pods)
    await world.settled()
    writes = len(world.actor.policy_writes()) - before
    return Figure(
        "P7",
        f"all rows of {len(world.pods)} pods and rules recovered, from start to ready",
        f"{seconds:.1f} s, at least {keys / seconds:.0f} keys/s, {writes} writes",
        "10 s, 5,000 keys/s, 0 writes",
        seconds <= 10 and keys / seconds >= 5000 and not writes,
    )
