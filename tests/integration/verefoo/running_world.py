"""The keeper's loop against the embedded server, through a proxy that can fail in many ways."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import httpx
from aiohttp import web

from agents.clients.verefoo import Verefoo
from deploy.local.verefoo.server import VerefooServer
from tests.unit.agents.graph_world import GraphWorld, rule

A, B, C, D = "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"
WITHIN = 90.0
DEADLINE = 1.0


class RunningWorld(GraphWorld):
    """A world whose keeper runs by itself; what it sends comes back while somebody waits."""

    def __init__(self, server: VerefooServer, http: httpx.AsyncClient) -> None:
        self.server = server
        self._http = http
        self._running: asyncio.Task[None] | None = None
        super().__init__(server.store)

    def client(self) -> Verefoo:
        return Verefoo(self._http, deadline=DEADLINE)

    async def begin(self) -> None:
        """Come to three pods and one rule."""
        self.run()
        for name, address in (("a", A), ("b", B), ("c", C)):
            self.claim(name, address)
        self.list_all()
        await self.until(lambda: self.keeper.aligned)
        self.rule(rule(A, B))
        await self.until(lambda: len(self.told()) == 1)
        await self.polls(2)
        self.clear()

    def run(self) -> None:
        """Let the keeper run."""
        self._running = asyncio.create_task(self.keeper.run())

    async def end(self) -> None:
        """Let the keeper run no more."""
        assert self._running is not None
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    async def until(self, true: Callable[[], bool]) -> None:
        """Return when something has become true; fail if it does not, or the keeper has ended."""
        deadline = time.monotonic() + WITHIN
        while not true():
            assert time.monotonic() < deadline, self.keeper.last_error
            assert self._running is not None
            assert not self._running.done(), self._running.exception()
            await asyncio.sleep(0.005)
            self.settle()

    async def polls(self, count: int) -> None:
        """Return when the graph has been polled so many times more."""
        before = self.keeper.polls
        await self.until(lambda: self.keeper.polls >= before + count)

    def told(self) -> list[str]:
        """Return what was said of rules, in order."""
        return [
            f"{what} {each.source} {each.destination}"
            for change in self.changes()
            for what, rules in (("-", change.removed), ("+", change.added))
            for each in rules
        ]

    def clear(self) -> None:
        super().clear()
        self.server.writes()
        self._before = len(self.server.writes())

    @property
    def writes(self) -> int:
        return len(self.server.writes()) - self._before

    async def __aenter__(self) -> RunningWorld:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.end()


class Unreliable:
    """A proxy that passes requests on, unless it is told how to fail.

    `fails` gets the method of each request and returns how: "" not at all, "500", "html", "xml",
    "cut" (an answer that breaks off), "slow" (one that trickles), "unheard" (no answer), "hang"
    (nothing, for long), each with nothing done; "lost" is done, and not answered.
    """

    def __init__(self, target: str) -> None:
        self.fails: Callable[[str], str] = lambda method: ""
        self.asked: list[str] = []
        self._target = target
        self._let_go = asyncio.Event()

    def once(self, method: str, how: str) -> None:
        """Fail once, at the next request of this method."""
        left = [how]
        self.fails = lambda asked: left.pop() if asked == method and left else ""

    async def __aenter__(self) -> Unreliable:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._http = httpx.AsyncClient(trust_env=False, timeout=60)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/verefoo"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._let_go.set()
        await self._runner.cleanup()
        await self._http.aclose()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.method)
        how = self.fails(request.method)
        if how == "500":
            return web.json_response({"message": "No message available"}, status=500)
        if how == "html":
            return web.Response(text="<html>starting</html>", content_type="text/html")
        if how == "xml":
            return web.Response(text="<graphs><graph/></graphs>", content_type="application/xml")
        if how in ("cut", "slow"):
            return await self._begin(request, pieces=1 if how == "cut" else 1000)
        if how == "hang":
            await self._let_go.wait()
        if how in ("unheard", "hang"):
            return _hang_up(request)
        answer = await self._http.request(
            request.method,
            self._target.removesuffix("/verefoo") + request.path,
            content=await request.read(),
            headers={"Accept": "application/json", "Content-Type": "application/json"},
        )
        if how == "lost":
            return _hang_up(request)
        return web.Response(
            status=answer.status_code, body=answer.content, content_type="application/json"
        )

    async def _begin(self, request: web.Request, pieces: int) -> web.StreamResponse:
        """Begin with an answer that would be a graph of nothing, and do not come to its end."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = 5000
        await response.prepare(request)
        await response.write(b'{"_embedded": {"graphList": [{"node": [')
        for _ in range(pieces):
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(0.01):
                    await self._let_go.wait()
                break
            if request.transport is None or request.transport.is_closing():
                break
            await response.write(b" ")
        return _hang_up(request)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
