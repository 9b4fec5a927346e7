"""The socket in front of the store."""

from __future__ import annotations

from asyncio import Transport
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

import orjson
from aiohttp import web

from deploy.local.ports import listen
from deploy.local.verefoo.render import Reply
from deploy.local.verefoo.routes import CONTEXT, Asked, answer
from deploy.local.verefoo.store import Store

_LARGEST_BODY = 64 * 1024 * 1024
_IDLE_SECONDS = 60.0
# The original hangs up after each of these, and now and then, as a pooled client has to live with.
_LAST_WORDS = (400, 500)
_REQUESTS_PER_CONNECTION = 100


class Write(NamedTuple):
    """A request that asked for a change, and what came of it."""

    method: str
    path: str
    status: int


class VerefooServer:
    """A Verefoo of one's own: `await start()`, then talk to `url`."""

    def __init__(self, port: int = 0) -> None:
        self.store = Store()
        self._port = port
        self._writes: list[Write] = []
        self._runner: web.AppRunner | None = None
        self._served: WeakKeyDictionary[Transport, int] = WeakKeyDictionary()

    @property
    def url(self) -> str:
        """Return the base of all paths."""
        return f"http://127.0.0.1:{self._port}{CONTEXT}"

    async def start(self) -> None:
        """Listen, on another port than the one asked for if somebody has it."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=_IDLE_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, listen(self._port)).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Hang up; what is stored stays."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def writes(self) -> list[Write]:
        """Return every change asked for so far, in order, refused ones too."""
        return list(self._writes)

    def save(self, path: Path) -> None:
        """Write what is stored to a file."""
        self.store.save(path)

    def load(self, path: Path) -> None:
        """Take what a file says instead of what is stored."""
        self.store.load(path)

    async def _answer(self, request: web.Request) -> web.Response:
        asked = Asked(
            method=request.method,
            path=request.path,
            content=await request.read(),
            content_type=request.headers.get("Content-Type", ""),
            accept=request.headers.get("Accept", ""),
            origin=f"http://{request.host}",
        )
        reply = answer(self.store, asked)
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            self._writes.append(Write(request.method, request.path, reply.status))
        response = _response(reply)
        if reply.status in _LAST_WORDS or self._was_last(request):
            response.force_close()
        return response

    def _was_last(self, request: web.Request) -> bool:
        """Tell whether a connection has served its time."""
        if request.transport is None:
            return True
        served = self._served[request.transport] = self._served.get(request.transport, 0) + 1
        return served >= _REQUESTS_PER_CONNECTION


def _response(reply: Reply) -> web.Response:
    response = web.Response(status=reply.status)
    if isinstance(reply.body, str):
        response.body = reply.body.encode()
    elif reply.body is not None:
        response.body = orjson.dumps(reply.body)
    if reply.kind:
        response.headers["Content-Type"] = reply.kind
    if reply.allow:
        response.headers["Allow"] = ",".join(reply.allow)
    return response
