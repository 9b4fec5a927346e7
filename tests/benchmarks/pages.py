"""What open pages cost a busy worker: a rule change with pages beside it, and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks.figures import Figure, Spread
from tests.benchmarks.flipping import Flipped, flip
from tests.benchmarks.ground import ground
from tests.benchmarks.steady import RATE

PODS = 500
OPEN = ("/", "/topology", "/pods", "/timeline")
# In turn, so that what else the machine does falls on both.
ROUNDS = 4


async def pages(folder: Path, parts: dict[str, Any], length: float) -> AsyncIterator[Figure]:
    """Yield the figures of one world; a length of 1 is what was asked for."""
    async with ground(folder, 1, parts) as world:
        await world.grow(max(50, int(PODS * length)))
        await world.chain()
        await flip(world, RATE, 10)
        alone: list[Flipped] = []
        beside: list[Flipped] = []
        (worker,) = world.actor.world.workers.workers
        shown: list[float] = []
        for _ in range(ROUNDS):
            alone.append(await flip(world, RATE, 30 * length))
            async with looked_at(worker.url, shown):
                beside.append(await flip(world, RATE, 30 * length))
        before, now = _together(alone), _together(beside)
        what = f"rule change at {RATE}/s, {len(world.pods)} pods, {len(OPEN)} live pages open"
        yield Figure(
            "web",
            what,
            now.text,
            "1.05 of it",
            now.p50 <= 1.05 * before.p50,
            f"{before.text} with none open",
            now.p50 / before.p50,
        )
        cost, bare = (
            sum(each.milliseconds("workers") for each in some) / ROUNDS for some in (beside, alone)
        )
        ours = f"{cost:.1f} ms"
        limit = f"{bare:.1f} ms with none open"
        yield Figure("web", f"CPU of a {what}", ours, "-", True, limit, cost / bare)
        answered = f"{Spread.of(shown).text}, meanwhile"
        yield Figure("web", "a page, asked for anew when something moved", answered, "-", True)


def _together(rounds: list[Flipped]) -> Spread:
    return Spread.of([seconds for each in rounds for seconds in each.seconds])


@asynccontextmanager
async def looked_at(url: str, shown: list[float]) -> AsyncIterator[None]:
    """Keep pages open as browsers do: listen, and ask anew when something moved."""
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
        looking = [asyncio.create_task(_look(http, path, shown)) for path in OPEN]
        try:
            yield
        finally:
            for each in looking:
                each.cancel()
            for each in looking:
                with suppress(asyncio.CancelledError):
                    await each


async def _look(http: httpx.AsyncClient, path: str, shown: list[float]) -> None:
    anew = {"Accept": "text/html", "Cache-Control": "no-cache"}
    async with http.stream("GET", "/events") as events:
        async for line in events.aiter_lines():
            if line == "event: moved":
                answer = await http.get(path, headers=anew)
                shown.append(answer.raise_for_status().elapsed.total_seconds())
