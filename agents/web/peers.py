"""The other workers of the app: Faust tells each who has which partitions, and where it listens."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any
from urllib.parse import urlsplit

from agents.asking.workers import Answers, Fetch, Json, Kinds, NoSuch, ask, in_time

MOST = 64
MOST_PAGES = 40
WITHIN = 8.0


class Peers:
    """Who else there is, as the last assignment has it, and what they answer."""

    def __init__(self, app: Any, fetch: Fetch) -> None:
        self._app = app
        self._fetch = fetch

    @property
    def ours(self) -> str:
        """The URL under which this worker is known."""
        return str(self._app.conf.canonical_url).rstrip("/")

    def others(self) -> list[str]:
        """Return the URLs of the others."""
        known = {str(url).rstrip("/") for url in self._app.assignor.tables_metadata()}
        return sorted(url for url in known - {self.ours} if _is_web(url))[:MOST]

    async def rows(self, tables: Kinds) -> Answers:
        """Return what the others say of themselves, and their rows."""
        return await ask(self.others(), tables, WITHIN, self._fetch, MOST_PAGES)

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
