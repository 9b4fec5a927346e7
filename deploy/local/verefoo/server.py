"""The socket in front of the store."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import orjson
from aiohttp import web

from deploy.local.ports import listen
from deploy.local.verefoo.render import Reply
from deploy.local.verefoo.routes import CONTEXT, Asked, answer
from deploy.local.verefoo.store import Store

_LARGEST_BODY = 64 * 1024 * 1024
_IDLE_SECONDS = 60.0
# The original hangs up after each of these, which a pooled client has to live with.
_LAST_WORDS = (400, 500)


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
        return _response(reply)


def _response(reply: Reply) -> web.Response:
    response = web.Response(status=reply.status)
    if isinstance(reply.body, str):
        response.text = reply.body
        response.content_type = "text/html"
    elif reply.body is not None:
        response.body = orjson.dumps(reply.body)
        response.headers["Content-Type"] = "application/json;charset=UTF-8"
    if reply.status in _LAST_WORDS:
        response.force_close()
    return response
