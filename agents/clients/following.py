"""Follow a watch for as long as its place in it is remembered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from agents.clients.errors import TryLater
from agents.clients.kubernetes import Watch
from agents.clients.waiting import Backoff

# A watch that the server ended after so long was none that failed.
STEADY_SECONDS = 0.9


async def follow(
    watch: Watch,
    tell: Callable[[str, dict[str, Any]], Awaitable[None]],
    note: Callable[[TryLater | None], None],
) -> None:
    """
    Tell each change, for ever; note what breaks the watch, and None when it goes well again.

    Raises Gone when the place is forgotten, and whatever `tell` raises.
    """
    backoff = Backoff()
    while True:
        asked, begun = None, time.monotonic()
        try:
            async for change, found in watch:
                if change != "BOOKMARK":
                    await tell(change, found)
                backoff.reset()
                note(None)
            # Where nothing at all happens there are no bookmarks either.
            if time.monotonic() - begun >= STEADY_SECONDS:
                backoff.reset()
                note(None)
                continue
        except TryLater as broken:
            note(broken)
            asked = broken.retry_after
        await asyncio.sleep(backoff.next(asked))
