"""A stand-in for a worker's web server, which answers well or badly, as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from streams.records.base import Record

Json = dict[str, Any]
Rows = Mapping[str, Mapping[str, Record]]
Misbehave = Callable[[web.Request], web.StreamResponse | None]


class Stub:
    """One server on a free loopback port."""

    def __init__(
        self,
        rows: Rows | None = None,
        *,
        name: str = "worker-0",
        ready: bool = True,
        complete: bool = True,
        page: int = 500,
        misbehave: Misbehave = lambda _: None,
    ) -> None:
        self._rows = rows or {}
        self._status = {"worker": name, "ready": ready, "reasons": [], "hands": {}}
        self._complete = complete
        self._page = page
        self._misbehave = misbehave
        self.asked: list[str] = []
        self.url = ""

    async def __aenter__(self) -> Stub:
        app = web.Application(middlewares=[self._between])
        app.router.add_get("/status", self._say_status)
        app.router.add_get("/held/{name}", self._say_rows)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._runner.cleanup()

    @web.middleware
    async def _between(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        return self._misbehave(request) or await handler(request)

    async def _say_status(self, request: web.Request) -> web.Response:
        return web.json_response(self._status)

    async def _say_rows(self, request: web.Request) -> web.Response:
        held, query = self._rows.get(request.match_info["name"], {}), request.query
        limit = min(int(query["limit"]), self._page)
        keys = [key for key in sorted(held) if key > query["after"]]
        shown, more = keys[:limit], keys[limit:]
        rows = [
            {"key": key, "partition": 0, "row": json.loads(held[key].to_bytes())} for key in shown
        ]
        following = shown[-1] if more else None
        return web.json_response({"rows": rows, "next": following, "complete": self._complete})


def not_json(request: web.Request) -> web.Response:
    return web.Response(text="<html>\x1b[2J")


def no_object(request: web.Request) -> web.Response:
    return web.json_response([1])


def deep(request: web.Request) -> web.Response:
    return web.Response(text="[" * 100_000)


def failing(request: web.Request) -> web.Response:
    return web.json_response({"error": "no"}, status=500)


def elsewhere(request: web.Request) -> web.Response:
    return web.Response(status=301, headers={"Location": "http://169.254.169.254/"})


def far_too_long(request: web.Request) -> web.Response:
    return web.Response(body=b" " * (17 << 20))


def round_and_round(request: web.Request) -> web.Response | None:
    if request.path == "/status":
        return None
    return web.json_response({"rows": [], "next": "a", "complete": True})


def other_rows(request: web.Request) -> web.Response | None:
    if request.path == "/status":
        return None
    rows = [{"key": "local/default/a", "row": {"nonsense": True}}]
    return web.json_response({"rows": rows, "next": None, "complete": True})


BAD = (not_json, no_object, deep, failing, elsewhere, far_too_long, round_and_round)


class Mute:
    """A server that accepts and says nothing."""

    async def __aenter__(self) -> Mute:
        self._callers: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._keep, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *reason: object) -> None:
        self._server.close()
        for caller in self._callers:
            caller.close()
        await asyncio.gather(
            *(caller.wait_closed() for caller in self._callers), return_exceptions=True
        )

    async def _keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers.add(writer)
