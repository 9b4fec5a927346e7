"""Tell open pages that something moved: server-sent events, to a bounded number of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from aiohttp import web

from agents.web.guard import HEADERS, is_from_elsewhere
from agents.web.peers import Peers

MOST_OPEN = 32
EVERY = 1.0
# Proxies and browsers give up on what is silent for a minute.
HEARTBEAT_AFTER = 15
ANSWER_WITHIN = 2.0

Pulse = Callable[[], int]
Stays = Callable[[web.Request], bool]
"""Tells whether who listens may still."""


class Moving:
    """Asks all workers for their pulse while somebody looks, and tells when one is another."""

    def __init__(
        self, peers: Peers, pulse: Pulse, every: float = EVERY, stays: Stays | None = None
    ) -> None:
        self._peers = peers
        self._stays = stays
        self._pulse = pulse
        self._every = every
        self._listening: set[asyncio.Event] = set()
        self._watching: asyncio.Task[None] | None = None
        self._ending = False

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the one route."""
        return [web.get("/events", self.events)]

    async def stop(self, _: object = None) -> None:
        """Let go of whoever listens."""
        self._ending = True
        if self._watching is not None:
            self._watching.cancel()
        for moved in self._listening:
            moved.set()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Say ``moved`` when pages may be different now; never more than once a second."""
        if is_from_elsewhere(request):
            raise web.HTTPForbidden(text="only our own pages may listen")
        if request.method == "HEAD":
            return web.Response(content_type="text/event-stream")
        if len(self._listening) >= MOST_OPEN:
            raise web.HTTPServiceUnavailable(text="too many pages are open; this one is not live")
        moved = asyncio.Event()
        self._listening.add(moved)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        response = web.StreamResponse(headers=HEADERS)
        response.content_type = "text/event-stream"
        try:
            await response.prepare(request)
            await self._tell(request, response, moved, self._watching)
        except ConnectionError:
            pass
        finally:
            self._listening.discard(moved)
            if not self._listening:
                self._watching.cancel()
        return response

    async def _tell(
        self,
        request: web.Request,
        response: web.StreamResponse,
        moved: asyncio.Event,
        watching: asyncio.Task[None],
    ) -> None:
        await response.write(b"retry: 2000\n\n")
        silent = 0
        # Nothing else would notice that a page was closed, and it would keep its place.
        while not (self._ending or watching.done() or self._is_gone(request)):
            with suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), self._every)
            silent += 1
            if moved.is_set():
                moved.clear()
                await response.write(b"event: moved\ndata: \n\n")
                silent = 0
            elif silent >= HEARTBEAT_AFTER:
                await response.write(b": still here\n\n")
                silent = 0

    def _is_gone(self, request: web.Request) -> bool:
        if request.transport is None or request.transport.is_closing():
            return True
        # A page whose session is over asks again, and is told so.
        return self._stays is not None and not self._stays(request)

    async def _watch(self) -> None:
        before = await self._pulses()
        while True:
            await asyncio.sleep(self._every)
            now = await self._pulses()
            if now != before:
                before = now
                for moved in self._listening:
                    moved.set()

    async def _pulses(self) -> dict[str, object]:
        # Whoever does not answer any more has moved as well.
        ours, others = await self._peers.around()
        told, _ = await self._peers.ask(others, "/pulse", ANSWER_WITHIN)
        pulses: dict[str, object] = {url: each.get("pulse") for url, each in told.items()}
        return pulses | {ours: self._pulse()}
