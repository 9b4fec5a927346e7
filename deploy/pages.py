"""Make the pages of one worker, in a process of their own, for as long as somebody looks.

reads   all workers' rows, the API server, dead-letters and what changed lately
writes  dead-letters and the topics of their records, where `web.writable` allows it

Run as ``python -m deploy.pages WORKER URL HOOK SOCKET``; the hook may be empty. It ends with its
standard input.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from aiohttp import web

from agents.asking.connecting import client
from agents.asking.stored import Stored, read_namespaces
from agents.asking.workers import Fetch, get
from agents.clients.errors import TryLater
from agents.clients.kubernetes import Cluster
from agents.web.knowing import Outside
from agents.web.peers import Peers, ask_around
from agents.web.server import runner
from agents.web.site import application
from deploy import logs
from deploy.hooks import call_hook
from deploy.judging import judging_of
from deploy.mending import mend
from deploy.reading import read_topics
from deploy.recalling import recall
from deploy.web_access import connect_of
from streams.settings import Settings, load
from tables.catalog import tables_of

# Whoever looks again waits a second longer.
IDLE = 600.0


async def make(settings: Settings, worker: str, url: str, hook: str, listener: int) -> None:
    """Serve the pages of the worker that answers at this URL."""
    async with client(connect_of(settings.web)) as http, _cluster(settings) as cluster:
        fetch = partial(get, http)
        outside = Outside(
            cluster=settings.cluster.name,
            stored=partial(_stored, fetch, url, cluster) if cluster is not None else None,
            newest=partial(read_topics, settings),
            judging=judging_of(settings),
            recall=partial(recall, hook or None),
            mend=partial(mend, settings) if settings.web.writable else None,
        )
        peers = Peers(partial(ask_around, fetch, url), fetch)
        login = settings.web.token_file is not None
        await serve(application(peers, tables_of(settings), outside, worker, login), listener)


async def serve(served: web.Application, listener: int) -> None:
    """Serve on an open socket until nobody has looked for long, or standard input ends."""
    patience = asyncio.timeout(IDLE)
    served.middlewares.insert(0, _renewing(patience))
    running = runner(served)
    await running.setup()
    try:
        with suppress(TimeoutError):
            async with patience:
                await web.SockSite(running, socket.socket(fileno=listener)).start()
                await _input_ends()
    finally:
        await running.cleanup()


def _renewing(patience: asyncio.Timeout) -> Any:
    @web.middleware
    async def seen(request: web.Request, handler: Any) -> web.StreamResponse:
        patience.reschedule(asyncio.get_running_loop().time() + IDLE)
        answer: web.StreamResponse = await handler(request)
        return answer

    return seen


@asynccontextmanager
async def _cluster(settings: Settings) -> AsyncIterator[Cluster | None]:
    """Give the cluster; None where no API server is near."""
    if settings.part == "core":
        yield None
        return
    cluster = Cluster.of(settings.cluster.kubeconfig, settings.cluster.context)
    try:
        yield cluster
    finally:
        await cluster.close()


async def _stored(fetch: Fetch, url: str, cluster: Cluster) -> Stored:
    """Return what the namespaces hold that the worker manages now."""
    told = (await fetch(f"{url}/status")).get("hands") or {}
    managed = (told.get("namespaces") or {}).get("managed")
    if managed is None:
        raise TryLater("the worker does not say which namespaces it manages")
    return await read_namespaces(cluster, managed)


async def _input_ends() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()


if __name__ == "__main__":
    told = load()
    logs.configure(told.log.format, told.log.level)
    name, address, prepare, inherited = sys.argv[1:]
    if prepare:
        call_hook(prepare)
    asyncio.run(make(told, name, address, prepare, int(inherited)))
