"""The views: each reads, and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any, Protocol

from aiohttp import web

from agents.metrics import Metrics
from agents.web.answers import HERE, answer, as_json
from agents.web.held import MAX_LIMIT, Held
from agents.web.worker import WorkerState
from streams.codec import escape

DEFAULT_LIMIT = 50
VERSION = version("vereflow")
_STATIC = {"style.css": "text/css", "icon.svg": "image/svg+xml"}


class Looker(Protocol):
    """Whoever can say how the worker is."""

    def look(self) -> tuple[WorkerState, list[str], list[str]]:
        """Return the state, what is wedged, and why the worker is not ready."""


class Views:
    """All views of one worker."""

    def __init__(
        self,
        watch: Looker,
        tables: Mapping[str, Held],
        metrics: Metrics,
        status: Callable[[], dict[str, Any]],
        worker_name: str,
    ) -> None:
        self._watch = watch
        self._tables = tables
        self._metrics = metrics
        self._status = status
        self._worker = worker_name
        self._static = {name: (HERE / "static" / name).read_bytes() for name in _STATIC}

    def routes(self) -> Iterable[web.RouteDef]:
        """Return every route: reading is all there is."""
        return [
            web.get("/", self.index),
            *self.probes(),
            web.get("/status", self.status),
            web.get("/tables", self.tables),
            web.get("/tables/{name}", self.rows),
            web.get(r"/tables/{name}/{key:[\s\S]+}", self.row),
            web.get("/static/{file}", self.static),
        ]

    def probes(self) -> Iterable[web.RouteDef]:
        """Return the routes of whoever looks after the worker: none of them shows a row."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    async def index(self, request: web.Request) -> web.Response:
        """Where to go from here."""
        return answer(request, "index.html", self._content())

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
        return as_json(self._content())

    async def tables(self, request: web.Request) -> web.Response:
        """All tables."""
        content = {
            "worker": self._worker,
            "complete": self._complete(),
            "tables": [_summary(held) for held in self._tables.values()],
        }
        return answer(request, "tables.html", content)

    async def rows(self, request: web.Request) -> web.Response:
        """One page of the keys of a table."""
        held = self._table(request)
        query = request.query
        with_rows = query.get("rows", "").lower() in ("1", "true")
        after, prefix, limit = query.get("after", ""), query.get("prefix", ""), _limit(query)
        page = held.page(after, prefix, limit, with_rows)
        entries = [
            {"key": entry.key, "partition": entry.partition}
            | ({"row": entry.row} if with_rows else {})
            for entry in page.entries
        ]
        content: dict[str, Any] = {
            "table": held.name,
            "rows": entries,
            "next": page.next,
            "complete": self._complete(),
        }
        asked = {"prefix": prefix, "after": after, "limit": limit, "with_rows": with_rows}
        return answer(request, "rows.html", content, asked)

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
            "row": entry.row if entry else None,
            "owner": held.owner(partition),
            "changelog": {
                "topic": held.changelog,
                "partition": partition,
                "offset": held.offset(partition) if here else None,
            },
        }
        return answer(request, "row.html", content)

    async def static(self, request: web.Request) -> web.Response:
        """The style and the icon."""
        name = request.match_info["file"]
        if name not in _STATIC:
            raise web.HTTPNotFound
        return web.Response(body=self._static[name], content_type=_STATIC[name])

    def _complete(self) -> bool:
        state, _, _ = self._watch.look()
        return state.tables_ready and not state.recovering and not state.rebalancing

    def _no_row(self) -> web.HTTPException:
        if self._complete():
            return web.HTTPNotFound(text="no such row")
        return web.HTTPServiceUnavailable(text="the tables are still being recovered")

    def _table(self, request: web.Request) -> Held:
        held = self._tables.get(request.match_info["name"])
        if held is None:
            raise web.HTTPNotFound(text="no such table")
        return held

    def _content(self) -> dict[str, Any]:
        state, _, reasons = self._watch.look()
        return {
            "worker": self._worker,
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
        "changelog": held.changelog,
        "partitions": partitions,
    }


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdecimal() and int(text[:9]) > 0):
        raise web.HTTPBadRequest(text=f"limit is a number from 1 to {MAX_LIMIT}")
    return min(int(text[:9]), MAX_LIMIT)
