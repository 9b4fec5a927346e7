"""Send many records at once, and still those of one key in their order."""

from __future__ import annotations

import asyncio

from agents.outlet import Emit
from streams.flow.output import Send

AT_ONCE = 64


class Courier:
    """Sends up to so many records at once; after a failure it sends nothing more."""

    def __init__(self, emit: Emit, at_once: int = AT_ONCE) -> None:
        self._emit = emit
        self._at_once = at_once
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._failure: Exception | None = None
        self._failed = asyncio.Event()

    async def send(self, output: Send) -> None:
        """Send a record as soon as the one before it under its key has arrived."""
        while output.key in self._under_way or len(self._under_way) >= self._at_once:
            await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)
        self._check()
        self._under_way[output.key] = asyncio.create_task(self._carry(output))

    async def arrived(self) -> None:
        """Return once the broker has everything."""
        while self._under_way:
            await asyncio.wait(self._under_way.values())
        self._check()

    async def failure(self) -> None:
        """Raise the first failure, whenever it comes: with nothing to send, nobody else would."""
        await self._failed.wait()
        self._check()

    async def abandon(self) -> None:
        """Wait for nothing any more."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, output: Send) -> None:
        try:
            await self._emit(output)
        except Exception as error:
            self._failure = self._failure or error
            self._failed.set()
        finally:
            del self._under_way[output.key]

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
