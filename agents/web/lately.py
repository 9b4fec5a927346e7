"""An answer that everybody may look at, and that is asked for seldom, however many look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

LEAST_REST = 1.0
MOST_REST = 10.0
# A twentieth of the time at most is spent asking, unless that takes more than half a second.
RESTS = 19.0


class Lately(Generic[T]):
    """Asks again when what it knows is old; the longer that takes, the longer it rests."""

    def __init__(
        self, ask: Callable[[], Awaitable[T]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._asking: asyncio.Task[T] | None = None
        self._began = float("-inf")
        self._next = float("-inf")

    async def look(self) -> T:
        """Return what was answered lately."""
        if self._asking is None or (self._asking.done() and self._clock() >= self._next):
            return await self._anew()
        return await self._wait(self._asking)

    async def fresh(self) -> T:
        """Return what is answered from now on."""
        called = self._clock()
        while self._asking is not None and self._began < called:
            if not self._asking.done():
                await asyncio.wait({self._asking})
            elif (rest := self._next - self._clock()) > 0:
                await asyncio.sleep(rest)
            else:
                break
        if self._asking is None or self._began < called:
            return await self._anew()
        return await self._wait(self._asking)

    async def _anew(self) -> T:
        self._asking = asyncio.create_task(self._timed())
        return await self._wait(self._asking)

    async def _timed(self) -> T:
        self._began = began = self._clock()
        try:
            return await self._ask()
        finally:
            ended = self._clock()
            self._next = ended + min(MOST_REST, max(LEAST_REST, RESTS * (ended - began)))

    async def _wait(self, asking: asyncio.Task[T]) -> T:
        # Whoever leaves must not take the answer away from the others.
        return await asyncio.shield(asking)
