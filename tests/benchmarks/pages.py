"""What pages cost: how soon they are seen, how soon they answer, and what they cost events."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks.figures import Figure, Spread
from tests.benchmarks.flipping import Flipped, flip
from tests.benchmarks.ground import Ground, ground
from tests.benchmarks.modifying import modify
from tests.benchmarks.steady import RATE
from tests.e2e.looking import looking
from tests.real import browser_lacks

PODS = 500
OPEN = ("/", "/topology", "/pods", "/timeline")
TWINS = ("/overview.json", "/topology.json", "/pods.json", "/policies.json", "/timeline.json")
# Of pods, beside the changes of rules: a hundred a second in all.
EVENTS = 100 - RATE
# In turn, so that what else the machine does falls on both.
ROUNDS = 4
LOADS = 5
# When something was seen first, and when all was there as well, in ms.
PAINTED = '() => performance.getEntriesByName("first-contentful-paint").length'
SEEN = """() => {
  const first = performance.getEntriesByName("first-contentful-paint")[0].startTime;
  return [first, Math.max(first, performance.getEntriesByType("navigation")[0].loadEventEnd)];
}"""


async def pages(folder: Path, parts: dict[str, Any], length: float) -> AsyncIterator[Figure]:
    """Yield the figures of one world; a length of 1 is what was asked for."""
    async with ground(folder, 1, parts) as world:
        await world.grow(max(50, int(PODS * length)))
        await world.chain()
        (worker,) = world.actor.world.workers.workers
        if lacks := browser_lacks():
            print(lacks, flush=True)
        else:
            async for figure in seen(worker.url, len(world.pods)):
                yield figure
        async for figure in beside_events(world, worker.url, 30 * length):
            yield figure


async def seen(url: str, pods: int) -> AsyncIterator[Figure]:
    """Yield when a browser shows something, and when it has drawn all, while nothing happens."""
    async with looking(url) as browser:
        for path in ("/", "/topology"):
            times: list[list[float]] = []
            for _ in range(LOADS):
                page = await browser.open(path)
                # By the clock: a window that is not drawn to has no frames to wait for.
                await page.wait_for_function(PAINTED, polling=20)
                times.append(await page.evaluate(SEEN))
                await page.context.close()
            first, whole = (statistics.median(each) for each in zip(*times, strict=True))
            what = f"{path} in a browser, {pods} pods: first paint, all there"
            yield Figure("web", what, f"{first:.0f} ms, {whole:.0f} ms", "-", True)


async def beside_events(world: Ground, url: str, seconds: float) -> AsyncIterator[Figure]:
    """Yield what pages and events cost each other."""
    await flip(world, RATE, 10)
    alone: list[Flipped] = []
    beside: list[Flipped] = []
    shown: list[float] = []
    told: list[float] = []
    for _ in range(ROUNDS):
        alone.append(await flipped(world, seconds))
        async with looked_at(url, shown, told):
            beside.append(await flipped(world, seconds))
    before, now = _together(alone), _together(beside)
    open_ = f"{len(OPEN)} live pages open, two JSON answers a second"
    what = f"rule change, {RATE + EVENTS} events/s, {len(world.pods)} pods, {open_}"
    limit = f"{before.text} with none"
    met = now.p50 <= 1.05 * before.p50
    yield Figure("web", what, now.text, "1.05 of it", met, limit, now.p50 / before.p50)
    cost, bare = (
        sum(each.milliseconds("workers") for each in some) / ROUNDS for some in (beside, alone)
    )
    limit = f"{bare:.1f} ms with none"
    yield Figure("web", f"CPU of a {what}", f"{cost:.1f} ms", "-", True, limit, cost / bare)
    share = sum(each.cpu["pages"] / each.lasted for each in beside) / ROUNDS
    yield Figure(
        "web", f"CPU of what makes them, with {open_}", f"{share:.0%} of a core", "-", True
    )
    what = "a page, asked for anew when something moved"
    yield Figure("web", what, f"{Spread.of(shown).text}, meanwhile", "-", True)
    what = f"JSON of {len(TWINS)} pages in turn"
    yield Figure("web", what, f"{Spread.of(told).text}, meanwhile", "-", True)


async def flipped(world: Ground, seconds: float) -> Flipped:
    """Let rules come and go, and pods be as they were."""
    found, _ = await asyncio.gather(flip(world, RATE, seconds), modify(world, EVENTS, seconds))
    return found


def _together(rounds: list[Flipped]) -> Spread:
    return Spread.of([seconds for each in rounds for seconds in each.seconds])


@asynccontextmanager
async def looked_at(url: str, shown: list[float], told: list[float]) -> AsyncIterator[None]:
    """Keep pages open as browsers do, and ask for their twins as programs do."""
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
        looking = [asyncio.create_task(_look(http, path, shown)) for path in OPEN]
        looking.append(asyncio.create_task(_ask(http, told)))
        try:
            yield
        finally:
            for each in looking:
                each.cancel()
            for each in looking:
                with suppress(asyncio.CancelledError):
                    await each


async def _look(http: httpx.AsyncClient, path: str, shown: list[float]) -> None:
    """Listen, and ask anew when something moved."""
    anew = {"Accept": "text/html", "Cache-Control": "no-cache"}
    async with http.stream("GET", "/events") as events:
        async for line in events.aiter_lines():
            if line == "event: moved":
                shown.append(await _timed(http, path, anew))


async def _ask(http: httpx.AsyncClient, told: list[float]) -> None:
    while True:
        for path in TWINS:
            told.append(await _timed(http, path, {}))
            await asyncio.sleep(0.5)


async def _timed(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> float:
    began = time.monotonic()
    (await http.get(path, headers=headers)).raise_for_status()
    return time.monotonic() - began
