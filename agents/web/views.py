"""What one worker says of itself, to programs: to probes, to commands, and to the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any, Protocol

from aiohttp import web

from agents.metrics import Metrics
from agents.web.answers import as_json, json_text
from agents.web.held import MAX_LIMIT, Entry, Held
from agents.web.peers import Around
from agents.web.worker import WorkerState
from streams.codec import escape

DEFAULT_LIMIT = 50
VERSION = version("vereflow")


class Looker(Protocol):
    """Whoever can say how the worker is."""

    def look(self) -> tuple[WorkerState, list[str], list[str]]:
        """Return the state, what is wedged, and why the worker is not ready."""


class Views:
    """What one worker says of itself, and of no other."""

    def __init__(
        self,
        watch: Looker,
        tables: Mapping[str, Held],
        metrics: Metrics,
        status: Callable[[], dict[str, Any]],
        around: Callable[[], Around],
        worker_name: str,
    ) -> None:
        self._watch = watch
        self._tables = tables
        self._metrics = metrics
        self._status = status
        self._around = around
        self.worker = worker_name

    def routes(self) -> Iterable[web.RouteDef]:
        """Return every route."""
        return [
            *self.probes(),
            web.get("/status", self.status),
            web.get("/pulse", self.pulse),
            web.get("/workers", self.workers),
            web.get("/held", self.tables),
            web.get("/held/{name}", self.rows),
            web.get(r"/held/{name}/{key:[\s\S]+}", self.row),
        ]

    def probes(self) -> Iterable[web.RouteDef]:
        """Return the routes of whoever looks after the worker: none of them shows a row."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    async def healthz(self, request: web.Request) -> web.Response:
        """200 while the worker makes progress."""
        _, wedged, _ = self._watch.look()
        return _verdict("healthy", wedged)

    async def readyz(self, request: web.Request) -> web.Response:
        """200 while the worker does its part."""
        _, _, reasons = self._watch.look()
        return _verdict("ready", reasons)

    async def metrics(self, request: web.Request) -> web.Response:
        """What Prometheus scrapes."""
        self._watch.look()
        content = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=self._metrics.text(), headers=content)

    async def status(self, request: web.Request) -> web.Response:
        """Everything the worker says of itself, for programs."""
        return as_json(self.content())

    async def pulse(self, request: web.Request) -> web.Response:
        """A number that is another one once something was handled here."""
        return as_json({"pulse": self.pulses()})

    async def workers(self, request: web.Request) -> web.Response:
        """Where this worker answers, and where the others do."""
        return as_json(self._around()._asdict())

    async def tables(self, request: web.Request) -> web.Response:
        """How much of each table is held here."""
        return as_json(self.held())

    async def rows(self, request: web.Request) -> web.Response:
        """One page of the keys of a table."""
        held = self._table(request)
        query = request.query
        with_rows = query.get("rows", "").lower() in ("1", "true")
        after, prefix, limit = query.get("after", ""), query.get("prefix", ""), _limit(query)
        page = await held.page(after, prefix, limit, with_rows)
        told = {
            "table": held.name,
            "next": page.next,
            "complete": self.complete(),
            "partitions": held.partitions,
            "of": held.of,
        }
        rows = ", ".join(_entry(each, with_rows) for each in page.entries)
        return json_text(f'{json.dumps(told)[:-1]}, "rows": [{rows}]}}')

    async def row(self, request: web.Request) -> web.Response:
        """One row, or who has it."""
        held, key = self._table(request), request.match_info["key"]
        entry = held.find(key)
        partition = held.place(key) if entry is None else entry.partition
        here = partition in held.partitions
        if entry is None and here:
            raise self._no_row()
        content = {
            "table": held.name,
            "key": key,
            "partition": partition,
            "row": json.loads(entry.row) if entry and entry.row else None,
            "owner": held.owner(partition),
            "changelog": {
                "topic": held.changelog,
                "partition": partition,
                "offset": held.offset(partition) if here else None,
            },
        }
        return as_json(content)

    def pulses(self) -> int:
        """Return how often something was handled here."""
        return self._metrics.pulse

    def held(self) -> dict[str, Any]:
        """Return how much of each table is held here."""
        return {
            "worker": self.worker,
            "complete": self.complete(),
            "tables": [_summary(held) for held in self._tables.values()],
        }

    def complete(self) -> bool:
        """Tell whether all the rows are there that belong here."""
        state, _, _ = self._watch.look()
        return state.tables_ready and not state.recovering and not state.rebalancing

    def _no_row(self) -> web.HTTPException:
        if self.complete():
            return web.HTTPNotFound(text="no such row")
        return web.HTTPServiceUnavailable(text="the tables are still being recovered")

    def _table(self, request: web.Request) -> Held:
        held = self._tables.get(request.match_info["name"])
        if held is None:
            raise web.HTTPNotFound(text="no such table")
        return held

    def content(self) -> dict[str, Any]:
        """Return everything this worker says of itself."""
        state, _, reasons = self._watch.look()
        return {
            "worker": self.worker,
            "version": VERSION,
            "ready": not reasons,
            "reasons": reasons,
            "assigned": state.assigned,
            "committed": state.committed,
            "lag": state.lag,
            "hands": self._hands(),
        }

    def _hands(self) -> dict[str, Any]:
        try:
            return self._status()
        except Exception as error:
            # The rest of the answer matters most when something is broken.
            return {"error": escape(f"{type(error).__name__}: {error}")}


def _entry(entry: Entry, with_row: bool) -> str:
    told = json.dumps({"key": entry.key, "partition": entry.partition})
    return f'{told[:-1]}, "row": {entry.row or "null"}}}' if with_row else told


def _verdict(word: str, reasons: list[str]) -> web.Response:
    return as_json({word: not reasons, "reasons": reasons}, 503 if reasons else 200)


def _summary(held: Held) -> dict[str, Any]:
    rows, more = held.count()
    partitions = [
        {"partition": number, "offset": held.offset(number)} for number in held.partitions
    ]
    return {
        "table": held.name,
        "rows": rows,
        "more": more,
        "of": held.of,
        "changelog": held.changelog,
        "partitions": partitions,
    }


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdecimal() and int(text[:9]) > 0):
        raise web.HTTPBadRequest(text=f"limit is a number from 1 to {MAX_LIMIT}")
    return min(int(text[:9]), MAX_LIMIT)
