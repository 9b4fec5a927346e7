"""All workers of the app, as the one that is asked has them from the last assignment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from agents.asking.workers import Answers, Fetch, Json, Kinds, NoSuch, ask, in_time

MOST = 64
MOST_PAGES = 40
WITHIN = 8.0


class Around(NamedTuple):
    """Who there is: the URL of the worker that is looked at, and those of the others."""

    ours: str
    others: tuple[str, ...] = ()


def around_of(app: Any) -> Around:
    """Return whom an app knows: Faust tells each worker who has what, and where it listens."""
    known = (str(url) for url in app.assignor.tables_metadata())
    return _around(str(app.conf.canonical_url), known)


async def ask_around(fetch: Fetch, ours: str) -> Around:
    """Return whom a worker knows; itself alone if it does not say."""
    told = await in_time(fetch(f"{ours}/workers"), WITHIN)
    others = told.get("others") if isinstance(told, dict) else None
    known = others if isinstance(others, list) else ()
    return _around(ours, (url for url in known if isinstance(url, str)))


def _around(ours: str, known: Iterable[str]) -> Around:
    ours = ours.rstrip("/")
    others = {url.rstrip("/") for url in known} - {ours}
    return Around(ours, tuple(sorted(url for url in others if _is_web(url))[:MOST]))


class Peers:
    """Who there is, and what they answer."""

    def __init__(self, around: Callable[[], Awaitable[Around]], fetch: Fetch) -> None:
        self.around = around
        self._fetch = fetch

    async def rows(self, tables: Kinds) -> Answers:
        """Return what all say of themselves, and their rows."""
        ours, others = await self.around()
        return await ask([ours, *others], tables, WITHIN, self._fetch, MOST_PAGES)

    async def one(self, url: str, path: str) -> Json | str | None:
        """Return what is at a path of one worker, None if nothing is, or why it does not say."""
        return await in_time(_if_there(self._fetch(f"{url}{path}")), WITHIN)

    async def ask(
        self, urls: Iterable[str], path: str, within: float = WITHIN
    ) -> tuple[dict[str, Json], dict[str, str]]:
        """Return what is at a path of each of these workers, and why others did not say."""
        asked = list(urls)
        found = await asyncio.gather(
            *(in_time(self._fetch(f"{url}{path}"), within) for url in asked)
        )
        by_url = dict(zip(asked, found, strict=True))
        return (
            {url: answer for url, answer in by_url.items() if isinstance(answer, dict)},
            {url: answer for url, answer in by_url.items() if isinstance(answer, str)},
        )


async def _if_there(answer: Coroutine[Any, Any, Json]) -> Json | None:
    try:
        return await answer
    except NoSuch:
        return None


def _is_web(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)
