"""Retry or drop a dead letter, for one of our own pages or for a program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import structlog
from aiohttp import web

from agents.asking.letters import Doing, LetterStays
from agents.web.answers import as_json, asks_for_json
from agents.web.knowing import Knowing
from streams.codec import escape

FORM = "application/x-www-form-urlencoded"
# As whom the worker let somebody in: nobody else speaks to what makes the pages.
BY = "Vereflow-By"
PAGE = "/dead-letters"
PAGES = (PAGE, f"{PAGE}.json")

log = structlog.get_logger()


class Mending:
    """The one request that changes something, where a setting allows it."""

    def __init__(self, mend: Callable[[Doing, str], Awaitable[None]], knowing: Knowing) -> None:
        self._mend = mend
        self._knowing = knowing

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the page's route and its twin's."""
        return [web.post(path, self.do) for path in PAGES]

    async def do(self, request: web.Request) -> web.Response:
        """Do as the form says; then show the letters that are left."""
        form = await request.post() if request.content_type == FORM else {}
        key = str(form.get("key", ""))
        try:
            doing = Doing(str(form.get("do", "")))
        except ValueError as error:
            raise web.HTTPBadRequest(text="do is retry or drop") from error
        try:
            await self._mend(doing, key)
        except LetterStays as error:
            raise web.HTTPConflict(text=f"{key}: {error}") from error
        except (OSError, RuntimeError, TimeoutError) as error:
            said = f"not known whether it was done: {escape(str(error) or type(error).__name__)}"
            raise web.HTTPServiceUnavailable(text=said) from error
        log.warning("dead letter", done=str(doing), key=escape(key), by=request.headers.get(BY, ""))
        # So that who looks next does not see the letter still.
        await self._knowing.see(("letters",), fresh=True)
        if asks_for_json(request) or request.path != PAGE:
            return as_json({"key": key, "done": doing})
        return web.Response(status=303, headers={"Location": PAGE})
