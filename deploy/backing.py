"""What runs for as long as a context is open: work beside it, and servers that are remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from deploy.local.kubernetes.server import KubernetesServer
from deploy.local.verefoo.server import VerefooServer

SAVE_EVERY = 5.0


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have something run meanwhile."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def remembered(server: KubernetesServer | VerefooServer, path: Path) -> AsyncIterator[None]:
    """Run an embedded server with what is kept of it in a file, and keep it there."""
    _load(server, path)
    await server.start()
    try:
        async with beside(_save_often(server, path)):
            yield
    finally:
        server.save(path)
        await server.stop()


def _load(server: KubernetesServer | VerefooServer, path: Path) -> None:
    if path.exists():
        server.load(path)


async def _save_often(server: KubernetesServer | VerefooServer, path: Path) -> None:
    while True:
        await asyncio.sleep(SAVE_EVERY)
        server.save(path)
