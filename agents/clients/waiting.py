"""How long to wait before asking again, and how to do several things until one ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

FIRST_SECONDS = 0.2
MOST_SECONDS = 30.0


class Backoff:
    """Waits that double, with jitter, so that many who were refused at once do not come at once."""

    def __init__(self, first: float = FIRST_SECONDS, most: float = MOST_SECONDS) -> None:
        self._first = first
        self._most = most
        self._tries = 0

    def reset(self) -> None:
        """Begin again with the first wait."""
        self._tries = 0

    def next(self, asked: float | None = None) -> float:
        """Return how many seconds to wait, never fewer than the other side asked for."""
        # Past some 60 doublings the power would no longer be a float.
        wait = min(self._most, self._first * 2.0 ** min(self._tries, 60))
        self._tries += 1
        return max(wait * random.uniform(0.5, 1.0), (asked or 0.0) * random.uniform(1.0, 1.1))


async def first_to_end(*works: Coroutine[Any, Any, object]) -> None:
    """Run all until one ends, then end the others; raise what the first one raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
