"""Ask the web servers of all workers at once, and put together what they hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from agents.asking.connecting import NOBODY_IN_PARTICULAR, Connect, NotShown, client
from streams.codec import escape
from streams.records.base import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")
Json = dict[str, Any]
Fetch = Callable[[str], Coroutine[Any, Any, Json]]
"""Returns the JSON object at an address; raises BadAnswer, or an error of httpx."""
Kinds = Mapping[str, type[Record]]
"""Tables by name, and what their rows are."""

PAGE = 500
MOST_PAGES = 10_000
# A page is at most 2 MB and one row, and its text may become longer where it is escaped.
LARGEST_ANSWER = 16 << 20
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
WORKER_SECONDS = 60.0


class NobodyAnswers(ConnectionError):
    """No worker's web server answered."""


class BadAnswer(Exception):
    """An answer that is none of ours."""


class NoSuch(BadAnswer):
    """A worker that answers, and has not what it was asked for."""


class Places(NamedTuple):
    """Which partitions of a table a worker holds, and how many there are."""

    held: frozenset[int] = frozenset()
    of: int = 0


class Told(NamedTuple):
    """What one worker said: its status, and by table the rows it holds, and where they lie."""

    status: Json
    rows: Mapping[str, Mapping[str, Record]]
    complete: bool
    places: Mapping[str, Places] = {}
    cut: tuple[str, ...] = ()
    """The tables of which it holds more than was read."""
    unread: Mapping[str, int] = {}
    """By table, how many of its rows cannot be read."""


class Answers(NamedTuple):
    """What all workers said, by their URLs, and why others said nothing."""

    told: Mapping[str, Told]
    silent: Mapping[str, str]

    def rows(self, table: str, kind: type[R]) -> dict[str, R]:
        """Return the rows of a table that anybody holds, in the order of their keys."""
        found: dict[str, R] = {}
        # While partitions move two may show one row: who has all of its own is right.
        for each in sorted(self.told.values(), key=lambda told: told.complete):
            held = each.rows.get(table, {})
            found |= {key: row for key, row in held.items() if isinstance(row, kind)}
        return dict(sorted(found.items()))

    def apart(self, tables: Iterable[str]) -> list[str]:
        """Return which tables nobody has of those who answered: another part has them."""
        told = self.told.values()
        return sorted(name for name in tables if not any(name in each.rows for each in told))

    def gaps(self) -> list[str]:
        """Return what keeps this from being everything, as lines for people."""
        return [
            *(f"{url} does not answer, what it holds is missing: {why}"
              for url, why in sorted(self.silent.items())),
            *(f"{url} is not done recovering its tables, rows may be missing"
              for url, told in sorted(self.told.items()) if not told.complete),
            *(f"{url} holds more of {table} than is read, the rest is missing"
              for url, told in sorted(self.told.items()) for table in told.cut),
            *(f"{url} holds rows of {table} that this version cannot read: {number}"
              for url, told in sorted(self.told.items()) for table, number in told.unread.items()),
            *self._nobodys(),
        ]  # fmt: skip

    def _nobodys(self) -> Iterator[str]:
        """Yield the partitions of each table that nobody holds of those who answered."""
        if self.silent:
            return
        for table in sorted({name for told in self.told.values() for name in told.places}):
            places = [told.places.get(table, Places()) for told in self.told.values()]
            held = frozenset().union(*(each.held for each in places))
            missing = set(range(max(each.of for each in places))) - held
            if missing:
                numbers = ", ".join(map(str, sorted(missing)))
                yield f"{table}: nobody who answers holds partition {numbers}, rows are missing"


async def ask_workers(
    urls: Sequence[str], tables: Kinds, connect: Connect = NOBODY_IN_PARTICULAR
) -> Answers:
    """Return what the workers say and hold; raise NobodyAnswers if none does."""
    async with client(connect) as http:
        answers = await ask(urls, tables, WORKER_SECONDS, partial(get, http))
    if not answers.told:
        reasons = "; ".join(f"{url}: {why}" for url, why in sorted(answers.silent.items()))
        raise NobodyAnswers(f"no worker answers: {reasons}")
    return answers


async def ask(
    urls: Sequence[str],
    tables: Kinds,
    within: float,
    fetch: Fetch,
    most_pages: int = MOST_PAGES,
) -> Answers:
    """Return what those of the workers say and hold who are done in time."""
    found = await asyncio.gather(
        *(in_time(_worker(fetch, url, tables, most_pages), within) for url in urls)
    )
    by_url = dict(zip(urls, found, strict=True))
    return Answers(
        {url: answer for url, answer in by_url.items() if isinstance(answer, Told)},
        {url: answer for url, answer in by_url.items() if isinstance(answer, str)},
    )


async def in_time(answer: Coroutine[Any, Any, T], within: float) -> T | str:
    """Return an answer, or why there is none, as a line for people."""
    try:
        async with asyncio.timeout(within):
            return await answer
    except TimeoutError:
        return f"not done within {within:.0f} s"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return escape(str(error) or type(error).__name__)
    except (BadAnswer, NotShown) as error:
        return escape(error)


async def _worker(fetch: Fetch, url: str, tables: Kinds, most_pages: int) -> Told:
    status = await fetch(f"{url}/status")
    asked = {
        name: await _table(fetch, f"{url}/held/{name}", kind, most_pages)
        for name, kind in tables.items()
    }
    pages = {name: page for name, page in asked.items() if page is not None}
    return Told(
        status,
        {name: page.rows for name, page in pages.items()},
        all(page.complete for page in pages.values()),
        {name: page.places for name, page in pages.items()},
        tuple(name for name, page in pages.items() if page.cut),
        {name: page.unread for name, page in pages.items() if page.unread},
    )


class _Table(NamedTuple):
    rows: dict[str, Record]
    complete: bool
    places: Places
    unread: int
    cut: bool = False


async def _table(fetch: Fetch, url: str, kind: type[Record], most_pages: int) -> _Table | None:
    """Return what a worker has of a table; None: no worker of these settings has it."""
    rows: dict[str, Record] = {}
    complete, after, places, unread = True, "", Places(), 0
    for _ in range(most_pages):
        try:
            page = await fetch(f"{url}?rows=true&limit={PAGE}&after={quote(after, safe='')}")
        except NoSuch:
            return None
        complete = complete and page.get("complete") is True
        places = _places(page)
        # Beside the loop: who asks may have other things to do there.
        some, missed = await asyncio.to_thread(_read, page.get("rows"), kind)
        rows |= some
        unread += missed
        following = page.get("next")
        if following is None:
            return _Table(rows, complete, places, unread)
        if not isinstance(following, str) or following <= after:
            raise BadAnswer(f"{url}: pages do not go on")
        after = following
    return _Table(rows, complete, places, unread, cut=True)


def _places(page: Json) -> Places:
    held, of = page.get("partitions"), page.get("of")
    if not isinstance(held, list) or not isinstance(of, int):
        return Places()
    return Places(frozenset(each for each in held if isinstance(each, int)), of)


def _read(rows: Any, kind: type[Record]) -> tuple[dict[str, Record], int]:
    """Return the rows of a page, and how many there are that this version cannot read."""
    read: dict[str, Record] = {}
    try:
        held = {str(row["key"]): row["row"] for row in rows}
    except (LookupError, TypeError) as error:
        raise BadAnswer("answered with what are no rows") from error
    for key, row in held.items():
        with suppress(ValidationError):
            read[key] = kind.model_validate(row)
    return read, len(held) - len(read)


async def get(http: httpx.AsyncClient, url: str) -> Json:
    """Return the JSON object at an address; raise BadAnswer, or an error of httpx."""
    received = bytearray()
    async with http.stream("GET", url, headers=_HEADERS) as response:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise BadAnswer("answered with what is packed, unasked")
        async for chunk in response.aiter_bytes():
            received += chunk
            if len(received) > LARGEST_ANSWER:
                raise BadAnswer(f"more than {LARGEST_ANSWER} bytes of answer")
    _check(response.status_code, response.reason_phrase)
    try:
        answer = await asyncio.to_thread(json.loads, received)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("answered with what is not JSON") from error
    if not isinstance(answer, dict):
        raise BadAnswer("answered with what is no JSON object")
    return answer


def _check(status: int, reason: str) -> None:
    if status == 404:
        raise NoSuch("answered 404 Not Found")
    if status == 401:
        raise BadAnswer("answered 401 Unauthorized: web.token_file must hold its token")
    if status != 200:
        raise BadAnswer(f"answered {status} {reason}")
