"""Ask the web servers of all workers at once, and put together what they hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from streams.codec import escape
from streams.records.base import Record

R = TypeVar("R", bound=Record)
Json = dict[str, Any]
Kinds = Mapping[str, type[Record]]
"""Tables by name, and what their rows are."""

PAGE = 500
MOST_PAGES = 10_000
# A page is at most 2 MB and one row, and its text may become longer where it is escaped.
LARGEST_ANSWER = 16 << 20
_TIMEOUT = httpx.Timeout(5.0, connect=2.0)
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
_WORKER_SECONDS = 60.0


class NobodyAnswers(ConnectionError):
    """No worker's web server answered."""


class BadAnswer(Exception):
    """An answer that is none of ours."""


class NotHeld(BadAnswer):
    """A table that this worker has not, nor any other of its settings."""


class Told(NamedTuple):
    """What one worker said: its status, and by table the rows it holds."""

    status: Json
    rows: Mapping[str, Mapping[str, Record]]
    complete: bool


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

    def gaps(self) -> list[str]:
        """Return what keeps this from being everything, as lines for people."""
        return [
            *(f"{url} does not answer, what it holds is missing: {why}"
              for url, why in sorted(self.silent.items())),
            *(f"{url} is not done recovering its tables, rows may be missing"
              for url, told in sorted(self.told.items()) if not told.complete),
        ]  # fmt: skip


async def ask_workers(urls: Sequence[str], tables: Kinds) -> Answers:
    """Return what the workers say and hold; raise NobodyAnswers if none does."""
    async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT) as http:
        answers = await asyncio.gather(*(_worker(http, url, tables) for url in urls))
    by_url = dict(zip(urls, answers, strict=True))
    told = {url: answer for url, answer in by_url.items() if isinstance(answer, Told)}
    silent = {url: answer for url, answer in by_url.items() if isinstance(answer, str)}
    if not told:
        reasons = "; ".join(f"{url}: {why}" for url, why in sorted(silent.items()))
        raise NobodyAnswers(f"no worker answers: {reasons}")
    return Answers(told, silent)


async def _worker(http: httpx.AsyncClient, url: str, tables: Kinds) -> Told | str:
    try:
        async with asyncio.timeout(_WORKER_SECONDS):
            status = await _get(http, f"{url}/status")
            pages = {name: await _table(http, url, name, kind) for name, kind in tables.items()}
    except TimeoutError:
        return f"not done within {_WORKER_SECONDS:.0f} s"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return escape(str(error) or type(error).__name__)
    except BadAnswer as error:
        return escape(error)
    complete = all(whole for _, whole in pages.values())
    return Told(status, {name: rows for name, (rows, _) in pages.items()}, complete)


async def _table(
    http: httpx.AsyncClient, url: str, name: str, kind: type[Record]
) -> tuple[dict[str, Record], bool]:
    rows: dict[str, Record] = {}
    complete, after = True, ""
    for _ in range(MOST_PAGES):
        query = f"format=json&rows=true&limit={PAGE}&after={quote(after, safe='')}"
        try:
            page = await _get(http, f"{url}/tables/{name}?{query}")
        except NotHeld:
            return {}, True
        complete = complete and page.get("complete") is True
        rows |= _read(page.get("rows"), kind)
        following = page.get("next")
        if following is None:
            return rows, complete
        if not isinstance(following, str) or following <= after:
            raise BadAnswer(f"table {name}: pages do not go on")
        after = following
    raise BadAnswer(f"table {name}: more than {MOST_PAGES} pages")


def _read(rows: Any, kind: type[Record]) -> dict[str, Record]:
    try:
        # A row that its worker cannot read any more comes as null.
        held = {row["key"]: row["row"] for row in rows if row["row"] is not None}
        return {str(key): kind.model_validate(row) for key, row in held.items()}
    except (LookupError, TypeError, ValidationError) as error:
        raise BadAnswer("rows that this version cannot read") from error


async def _get(http: httpx.AsyncClient, url: str) -> Json:
    received = bytearray()
    async with http.stream("GET", url, headers=_HEADERS) as response:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise BadAnswer("answered with what is packed, unasked")
        async for chunk in response.aiter_bytes():
            received += chunk
            if len(received) > LARGEST_ANSWER:
                raise BadAnswer(f"more than {LARGEST_ANSWER} bytes of answer")
    if response.status_code == 404:
        raise NotHeld("answered 404 Not Found")
    if response.status_code != 200:
        raise BadAnswer(f"answered {response.status_code} {response.reason_phrase}")
    try:
        answer = json.loads(received)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("answered with what is not JSON") from error
    if not isinstance(answer, dict):
        raise BadAnswer("answered with what is no JSON object")
    return answer
