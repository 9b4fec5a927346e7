"""See policies as they are stored, as every client of the API server sees them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from deploy.demo.stage import POLICIES
from tests.e2e.acting import Actor

_GIVE_UP_AFTER = 60.0


class Stored:
    """The versions of policies that a watch told of, each with when it did."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, dict[str, Any]]] = []
        self._news = asyncio.Condition()

    async def until(self, count: int) -> float:
        """Return when the watch told of so many versions; raise TimeoutError."""
        async with asyncio.timeout(_GIVE_UP_AFTER), self._news:
            await self._news.wait_for(lambda: len(self.seen) >= count)
        return self.seen[count - 1][0]

    async def take(self, policy: dict[str, Any]) -> None:
        """Note one version."""
        async with self._news:
            self.seen.append((time.monotonic(), policy))
            self._news.notify_all()


@asynccontextmanager
async def watched(actor: Actor) -> AsyncIterator[Stored]:
    """Watch the policies from now on."""
    assert actor.world.kubernetes is not None
    stored = Stored()
    async with actor.world.kubernetes.client() as http:
        version = (await http.get(POLICIES)).raise_for_status().json()["metadata"]
        query = {"watch": "1", "resourceVersion": version["resourceVersion"]}

        async def follow() -> None:
            async with http.stream("GET", POLICIES, params=query, timeout=None) as lines:
                async for line in lines.aiter_lines():
                    await stored.take(json.loads(line)["object"])

        following = asyncio.create_task(follow())
        try:
            yield stored
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
