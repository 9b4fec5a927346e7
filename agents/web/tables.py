"""Tables: any row by its key, whichever worker owns it, and where it lies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web
from pydantic import Field

from agents.asking.view import View
from agents.web.answers import encode_key
from agents.web.held import MAX_LIMIT
from agents.web.pages.page import Asked, NotHere
from agents.web.peers import Peers


class Part(View):
    """One partition of a table: who owns it, and up to which changelog offset it is stored."""

    partition: int
    owner: str
    offset: int | None


class TableLine(View):
    """One table in the list."""

    table: str
    rows: int
    more: bool
    changelog: str
    partitions: tuple[Part, ...]
    unowned: tuple[int, ...]


class TableList(View):
    """The tables of all workers: how many rows, and who owns which partition."""

    tables: tuple[TableLine, ...]
    gaps: tuple[str, ...]


class RowLine(View):
    """One row in a list."""

    key: str
    partition: int
    owner: str
    row: Any = None


class RowsAsked(Asked):
    """Which rows of a table are asked for."""

    name: str = Field(max_length=100)
    prefix: str = Field(default="", max_length=1000, description="Only keys that begin with it.")
    after: str = Field(default="", max_length=1000, description="Only keys behind this one.")
    limit: int = Field(default=50, ge=1, le=MAX_LIMIT, description="So many at most.")
    rows: bool = Field(default=False, description="With the rows, not their keys alone.")


class RowList(View):
    """Some rows of one table, whichever workers own them, in the order of their keys."""

    table: str
    rows: tuple[RowLine, ...]
    next: str | None
    gaps: tuple[str, ...]


class RowAsked(Asked):
    """Which row is asked for."""

    name: str = Field(max_length=100)
    key: str = Field(max_length=4000)


class Changelog(View):
    """Where the changes of a row are kept."""

    topic: str
    partition: int
    offset: int | None


class Row(View):
    """One row: its owner, its partition, and where its changes are kept."""

    table: str
    key: str
    partition: int
    row: Any
    owner: str | None
    changelog: Changelog
    gaps: tuple[str, ...]


class TablePages:
    """Asks the owner of each row, and puts together what several own."""

    def __init__(self, peers: Peers, tables: Collection[str]) -> None:
        self._peers = peers
        self._tables = tables

    async def all(self, asked: Asked, fresh: bool) -> TableList:
        """Return the tables."""
        told, gaps = await self._of_all("/held")
        return TableList(
            tables=tuple(_table_line(name, told) for name in self._tables),
            gaps=tuple(gaps + self._recovering(told)),
        )

    async def rows(self, asked: RowsAsked, fresh: bool) -> RowList:
        """Return some rows."""
        self._check(asked.name)
        query = (
            f"limit={asked.limit}&prefix={_quoted(asked.prefix)}&after={_quoted(asked.after)}"
            f"&rows={'true' if asked.rows else 'false'}"
        )
        told, gaps = await self._of_all(f"/held/{asked.name}?{query}")
        # Whoever has more than was asked for has nothing before where its page ends.
        ends = [str(each["next"]) for each in told.values() if each.get("next") is not None]
        found = [line for url, each in told.items() for line in _lines(url, each)]
        known = {line.key: line for line in found if not ends or line.key <= min(ends)}
        shown = [line for _, line in sorted(known.items())][: asked.limit]
        more = bool(ends) or len(known) > len(shown)
        return RowList(
            table=asked.name,
            rows=tuple(shown),
            next=shown[-1].key if more and shown else None,
            gaps=tuple(gaps + self._recovering(told)),
        )

    async def row(self, asked: RowAsked, fresh: bool) -> Row:
        """Return one row; raise NotHere if its owner has none."""
        self._check(asked.name)
        path = f"/held/{asked.name}/{encode_key(asked.key)}"
        ours, _ = await self._peers.around()
        told = _there(await self._peers.one(ours, path))
        if isinstance(told, str):
            raise web.HTTPServiceUnavailable(text=_silent(ours, told))
        owner = told.get("owner")
        if owner is None:
            gap = f"nobody is known who holds partition {told['partition']} of {asked.name}"
            return Row.model_validate({**told, "gaps": (gap,)})
        if owner.rstrip("/") == ours:
            return Row.model_validate({**told, "gaps": ()})
        theirs = _there(await self._peers.one(owner, path))
        if isinstance(theirs, str):
            return Row.model_validate({**told, "gaps": (_silent(owner, theirs),)})
        return Row.model_validate({**theirs, "owner": owner, "gaps": ()})

    def _check(self, name: str) -> None:
        if name not in self._tables:
            raise NotHere("no such table")

    async def _of_all(self, path: str) -> tuple[dict[str, Any], list[str]]:
        ours, others = await self._peers.around()
        told, silent = await self._peers.ask([ours, *others], path)
        return told, [_silent(url, why) for url, why in silent.items()]

    def _recovering(self, told: Mapping[str, Any]) -> list[str]:
        return [
            f"{url} is not done recovering its tables, rows may be missing"
            for url, each in sorted(told.items())
            if each.get("complete") is not True
        ]


def _there(answer: dict[str, Any] | str | None) -> dict[str, Any] | str:
    if answer is None:
        raise NotHere("no such row")
    return answer


def _table_line(name: str, told: Mapping[str, Any]) -> TableLine:
    parts: dict[int, Part] = {}
    rows, more, of, changelog = 0, False, 0, ""
    for url, each in sorted(told.items()):
        for table in each.get("tables") or ():
            if table.get("table") != name:
                continue
            of, changelog = table.get("of", 0), table.get("changelog", "")
            rows += table.get("rows", 0)
            more = more or table.get("more") is True
            for part in table.get("partitions") or ():
                number = part["partition"]
                parts[number] = Part(partition=number, owner=url, offset=part.get("offset"))
    return TableLine(
        table=name,
        rows=rows,
        more=more,
        changelog=changelog,
        partitions=tuple(part for _, part in sorted(parts.items())),
        unowned=tuple(sorted(set(range(of)) - parts.keys())),
    )


def _lines(url: str, page: Mapping[str, Any]) -> list[RowLine]:
    return [
        RowLine(key=str(each["key"]), partition=each["partition"], owner=url, row=each.get("row"))
        for each in page.get("rows") or ()
    ]


def _silent(url: str, why: str) -> str:
    return f"{url} does not answer, what it holds is missing: {why}"


def _quoted(text: str) -> str:
    return quote(text, safe="")
