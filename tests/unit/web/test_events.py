"""Open pages are told that something moved, a bounded number of them, for as long as they live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from agents.web import events
from agents.web.events import Moving
from agents.web.peers import Around

QUICK = 0.01


class Pulses:
    """Workers whose hearts beat when they are told to; one that is not there does not answer."""

    def __init__(self) -> None:
        self.own = 0
        self.theirs: dict[str, int] = {"http://theirs": 0}

    async def around(self) -> Around:
        return Around("http://ours", tuple(self.theirs))

    async def ask(self, urls: Any, path: str, within: float) -> tuple[dict[str, Any], Any]:
        return {url: {"pulse": number} for url, number in self.theirs.items()}, {}


class Listener:
    """A page that listens: what it was told, and whether it is still there."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.gone = False
        self.method = "GET"
        self.headers: dict[str, str] = {}
        self.transport = SimpleNamespace(is_closing=lambda: self.gone)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(QUICK)

    def moved(self) -> int:
        return sum(each.startswith(b"event: moved") for each in self.told)


@pytest.fixture
def pulses() -> Pulses:
    return Pulses()


@pytest.fixture
def moving(pulses: Pulses, monkeypatch: pytest.MonkeyPatch) -> Moving:
    async def prepare(self: web.StreamResponse, request: Listener) -> None:
        self.__dict__["listener"] = request

    async def write(self: web.StreamResponse, data: bytes) -> None:
        self.__dict__["listener"].told.append(data)

    monkeypatch.setattr(web.StreamResponse, "prepare", prepare)
    monkeypatch.setattr(web.StreamResponse, "write", write)
    return Moving(pulses, lambda: pulses.own, every=QUICK)  # type: ignore[arg-type]


@asynccontextmanager
async def listening(moving: Moving, count: int = 1) -> AsyncIterator[list[Listener]]:
    pages = [Listener() for _ in range(count)]
    tasks = [asyncio.create_task(moving.events(page)) for page in pages]  # type: ignore[arg-type]
    for page in pages:
        await page.until(lambda page=page: bool(page.told))  # type: ignore[misc]
    # The first look only says what there was before.
    await asyncio.sleep(5 * QUICK)
    yield pages
    for page in pages:
        page.gone = True
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)


@pytest.mark.parametrize("whose", ["ours", "theirs", "nobody's"])
async def test_every_page_hears_when_any_worker_moved(
    moving: Moving, pulses: Pulses, whose: str
) -> None:
    async with listening(moving, 3) as pages:
        if whose == "ours":
            pulses.own += 1
        elif whose == "theirs":
            pulses.theirs["http://theirs"] += 1
        else:
            del pulses.theirs["http://theirs"]

        for page in pages:
            await page.until(lambda page=page: page.moved() == 1)  # type: ignore[misc]


async def test_where_nothing_moves_there_is_a_heartbeat_and_nothing_else(
    moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_AFTER", 2)

    async with listening(moving) as (page,):
        await page.until(lambda: page.told.count(b": still here\n\n") >= 2)

    assert page.moved() == 0


@pytest.mark.row("W07")
async def test_no_more_pages_than_a_bound_are_told_and_one_that_closes_makes_room(
    moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_OPEN", 2)

    async with listening(moving, 2):
        with pytest.raises(web.HTTPServiceUnavailable):
            await moving.events(Listener())  # type: ignore[arg-type]
    async with listening(moving, 2):
        pass


async def test_whose_session_is_over_is_let_go_and_the_others_stay(moving: Moving) -> None:
    over: set[object] = set()
    moving._stays = lambda request: request not in over
    task: asyncio.Task[Any]
    async with listening(moving) as (stays,):
        page = Listener()
        task = asyncio.create_task(moving.events(page))  # type: ignore[arg-type]
        await page.until(lambda: bool(page.told))

        over.add(page)

        async with asyncio.timeout(5):
            await task
        stays.told.clear()
        moving._pulse = lambda: 7
        await stays.until(lambda: stays.moved() == 1)


async def test_nobody_is_asked_while_nobody_listens(moving: Moving, pulses: Pulses) -> None:
    async with listening(moving):
        pass
    await asyncio.sleep(QUICK)

    assert moving._watching is not None
    assert moving._watching.done()


async def test_whoever_listens_is_let_go_when_the_worker_stops(moving: Moving) -> None:
    page = Listener()
    task = asyncio.create_task(moving.events(page))  # type: ignore[arg-type]
    await page.until(lambda: bool(page.told))

    await moving.stop()

    async with asyncio.timeout(5):
        await task


@pytest.mark.row("W13")
async def test_a_page_elsewhere_may_not_listen(moving: Moving) -> None:
    page = Listener()
    page.headers = {"Sec-Fetch-Site": "cross-site"}

    with pytest.raises(web.HTTPForbidden):
        await moving.events(page)  # type: ignore[arg-type]
