"""Do something again and again in a thread for as long as a test does something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event


@asynccontextmanager
async def meanwhile(act: Callable[[], None]) -> AsyncIterator[None]:
    """Act until this ends; what an act raises is raised at the end."""
    ended = Event()

    def work() -> None:
        while not ended.is_set():
            act()

    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        yield
    finally:
        ended.set()
        await working
