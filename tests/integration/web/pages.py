"""The process that makes the pages of the recorder: nothing but workers is around it.

Run as ``python -m tests.integration.web.pages WORKER URL SOCKET``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from functools import partial

from agents.asking.connecting import client
from agents.asking.moments import Moment
from agents.asking.newest import Newest
from agents.asking.stored import Stored
from agents.asking.workers import get
from agents.clients.errors import TryLater
from agents.web.knowing import Outside
from agents.web.peers import Peers, ask_around
from agents.web.site import application
from deploy import logs
from deploy.pages import serve
from deploy.web_access import connect_of
from streams.flow.judging import Judging
from streams.settings import load
from tables import catalog


async def nothing_stored() -> Stored:
    return Stored({}, [], {})


async def nothing_kept(moment: Moment) -> bytes:
    raise TryLater("nothing is kept")


async def nothing_new(topics: Iterable[str], most: int) -> dict[str, Newest]:
    return {}


async def make(worker: str, url: str, listener: int) -> None:
    outside = Outside("local", nothing_stored, nothing_new, Judging(), nothing_kept)
    settings = load().web
    async with client(connect_of(settings)) as http:
        fetch = partial(get, http)
        peers = Peers(partial(ask_around, fetch, url), fetch)
        login = settings.token_file is not None
        await serve(application(peers, catalog.NAMES, outside, worker, login), listener)


if __name__ == "__main__":
    logs.configure()
    asyncio.run(make(sys.argv[1], sys.argv[2], int(sys.argv[3])))
