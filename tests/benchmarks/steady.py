"""One worker on the real parts, at rest and under streams of events: P1, P2, P3, P6 and P10."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure, Spread
from tests.benchmarks.flipping import Flipped, flip
from tests.benchmarks.ground import Ground, ground, pod_name
from tests.benchmarks.limits import bare_hops, bare_patches
from tests.benchmarks.modifying import modify
from tests.benchmarks.null_chain import null_chain
from tests.benchmarks.routing import address

# firewall-changes, graph-facts, pod-rules, policy-patches.
HOPS = 4
RATE = 20
EVENTS = 300
BIRTHS = 5


async def steady(folder: Path, parts: dict[str, Any], length: float) -> AsyncIterator[Figure]:
    """Yield the figures of one world that grows; a length of 1 is what was asked for."""
    async with ground(folder, 1, parts) as world:
        await world.grow(100)
        yield await idle(world, 600 * length)
        yield await latency(world, 60 * length)
        async for figure in on_top(world, 30 * length):
            yield figure
        await world.grow(1000)
        yield await latency(world, 60 * length)
        async for figure in stream_of_events(world, 600 * length):
            yield figure
        await world.grow(3000)
        yield await churn(world, 900 * length)


async def idle(world: Ground, seconds: float) -> Figure:
    """P10: nothing happens, and nothing is done."""
    writes, edits = len(world.actor.policy_writes()), len(world.actor.graph_writes())
    before = world.cpu()["workers"]
    await asyncio.sleep(seconds)
    share = (world.cpu()["workers"] - before) / seconds
    writes = len(world.actor.policy_writes()) - writes
    edits = len(world.actor.graph_writes()) - edits
    ours = f"{writes} writes, {edits} edits, {share:.2%} of a core"
    met = not writes and not edits and share < 0.01
    return Figure("P10", f"idle for {seconds:.0f} s", ours, "0, 0, < 1 %", met)


async def latency(world: Ground, seconds: float) -> Figure:
    """P2: from a rule's record to the policy that is stored."""
    hop, patch = await bare_hops(world.actor), await bare_patches(world.actor)
    limit = HOPS * Spread.of(hop).p50 + Spread.of(patch).p50
    # The first record of each partition takes a hundred milliseconds a hop.
    await flip(world, RATE, 10)
    flipped = await flip(world, RATE, seconds)
    return latency_figure(len(world.pods), flipped, limit)


def latency_figure(pods: int, flipped: Flipped, limit: float) -> Figure:
    """Return the line for so many pods."""
    spread = flipped.spread
    peers = {100: "Otterize 29-40 / - / 51-69 ms", 1000: "Otterize 70-134 / - / 215-905 ms"}
    return Figure(
        "P2",
        f"rule change to policy stored, {RATE}/s, {pods} pods",
        spread.text,
        "p50 30, p99 100 ms",
        spread.p50 <= 0.030 and spread.p99 <= 0.100 and flipped.writes == 2 * flipped.changes,
        f"{1000 * limit:.1f} ms: {HOPS} bare hops, a bare PATCH",
        spread.p50 / limit,
        peers.get(pods, "-"),
    )


async def on_top(world: Ground, seconds: float) -> AsyncIterator[Figure]:
    """P6, and P4's cost of a change: beside a chain of Faust agents that do nothing of ours."""
    flipped = await flip(world, RATE, seconds)
    null = await null_chain(world.actor, RATE, seconds)
    ours = flipped.milliseconds("workers")
    limit = f"{1000 * null:.1f} ms: agents that only send, store and PATCH"
    what = f"CPU of the worker per rule change at {RATE}/s"
    yield Figure(
        "P6", what, f"{ours:.1f} ms", "1.25 of it", ours <= 1250 * null, limit, ours / null / 1000
    )
    peer = "Otterize 54-63 ms at 100 workloads"
    yield Figure("P4", what, f"{ours:.1f} ms", "10 ms", ours <= 10, limit, ours / null / 1000, peer)


async def stream_of_events(world: Ground, seconds: float) -> AsyncIterator[Figure]:
    """P1: many events of pods, of which few change anything."""
    writes, before = len(world.actor.policy_writes()), world.cpu()["workers"]
    births = asyncio.create_task(_births(world, seconds))
    sent = await modify(world, EVENTS, seconds)
    born = await births
    lag = sum((await world.lag()).values())
    ended = time.monotonic()
    await world.settled()
    drained = time.monotonic() - ended
    writes = len(world.actor.policy_writes()) - writes
    cpu = (world.cpu()["workers"] - before) / sent
    yield Figure(
        "P1",
        f"{sent / seconds:.0f} events/s for {seconds:.0f} s, {born / seconds:.0f}/s births, deaths",
        f"lag {lag} at its end, 0 after {drained:.1f} s; {writes / seconds:.1f} writes/s,"
        f" {1000 * cpu:.1f} ms CPU an event",
        "300/s, lag back to 0",
        sent / seconds >= 0.97 * EVENTS and drained < 30,
        peer="Kubernetes' own tests 100/s",
    )


async def churn(world: Ground, seconds: float) -> Figure:
    """P3: many rules flip among many pods."""
    flipped = await flip(world, 64, seconds)
    spread = flipped.spread
    return Figure(
        "P3",
        f"64 flips/s over {len(world.pods)} pods for {seconds:.0f} s",
        spread.text,
        "p50 1 s, p90 5 s",
        spread.p50 < 1 and spread.p90 < 5,
        peer="Cilium's gate is the same",
    )


async def _births(world: Ground, seconds: float) -> int:
    """Have pods come and go at a rate beside all else; return how many did."""
    began, born = time.monotonic(), 0
    for number in itertools.count(900_000):
        if time.monotonic() - began >= seconds:
            return born
        await world.actor.create_pod(pod_name(number), address(number))
        born += 1
        if number >= 900_020:
            await world.actor.delete_pod(pod_name(number - 20))
            born += 1
        await asyncio.sleep(max(0.0, began + born / (2 * BIRTHS) - time.monotonic()))
    return born
