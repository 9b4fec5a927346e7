"""Serve the pages, each with its JSON twin, and the document that describes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from aiohttp import web
from pydantic import ValidationError

from agents.asking.view import View
from agents.web.answers import as_json, as_page, asks_for_json, json_text
from agents.web.guard import answer
from agents.web.knowing import Knowing, Outside
from agents.web.mending import Mending
from agents.web.openapi import describe
from agents.web.pages import (
    identities,
    letters,
    overview,
    past,
    pods,
    policies,
    reach,
    rules,
    timeline,
    topology,
)
from agents.web.pages.page import AlongFlow, Asked, AtMoment, NotHere, Page
from agents.web.peers import Peers
from agents.web.tables import Row, RowAsked, RowList, RowsAsked, TableList, TablePages
from tables.catalog import IDENTITIES

T = TypeVar("T")

TWIN = ".json"
# Each takes a thread, and they all share one processor.
AT_ONCE = 2
# Of a form.
MAX_BODY = 1 << 10
PURE: Sequence[Page] = (
    *overview.PAGES,
    *topology.PAGES,
    *pods.PAGES,
    *identities.PAGES,
    *rules.PAGES,
    *policies.PAGES,
    *reach.PAGES,
    *timeline.PAGES,
    *past.PAGES,
    *letters.PAGES,
)


class Served(NamedTuple):
    """A page as it is served: what is asked and answered, and by whom."""

    path: str
    template: str
    asked: type[Asked]
    answers: type[View]
    answer: Callable[[Any, bool], Awaitable[View]]

    @property
    def summary(self) -> str:
        """What the page is about, in one line."""
        return str(self.answers.__doc__).partition("\n")[0]


class Frame(NamedTuple):
    """What every page says around its own: who serves it, and what there is to see and do."""

    worker: str
    identities: bool
    writable: bool
    login: bool


def application(
    peers: Peers, tables: Collection[str], outside: Outside, worker: str, login: bool
) -> web.Application:
    """Return the aiohttp application of all pages, as a worker shows them that has these tables."""
    knowing = Knowing(peers, tables, outside)
    frame = Frame(worker, IDENTITIES in tables, outside.mend is not None, login)
    routes = [*Site(knowing, TablePages(peers, tables), frame).routes()]
    if outside.mend is not None:
        routes += Mending(outside.mend, knowing).routes()
    served = web.Application(middlewares=[answer], client_max_size=MAX_BODY)
    served.add_routes(routes)
    served.on_shutdown.append(knowing.stop)
    return served


class Site:
    """All pages of all workers, as any of them serves them."""

    def __init__(self, knowing: Knowing, tables: TablePages, frame: Frame) -> None:
        self._knowing = knowing
        self._frame = frame
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.pages = (
            *map(self._served, PURE),
            Served("/tables", "tables.html", Asked, TableList, tables.all),
            Served("/tables/{name}", "rows.html", RowsAsked, RowList, tables.rows),
            Served(r"/tables/{name}/{key:[\s\S]+}", "row.html", RowAsked, Row, tables.row),
        )

    def routes(self) -> Iterator[web.RouteDef]:
        """Yield every route: each page and its twin, the twin first, for a key may be anything."""
        yield web.get("/openapi.json", self.openapi)
        for page in self.pages:
            for path in twins(page.path):
                yield web.get(path, self._handler(page, path.endswith(TWIN)))

    async def openapi(self, request: web.Request) -> web.Response:
        """The document that describes the JSON twins."""
        return as_json(self._described)

    @cached_property
    def _described(self) -> dict[str, Any]:
        return describe(self.pages, self._frame.writable, self._frame.login)

    def _served(self, page: Page) -> Served:
        async def answer(asked: Asked, fresh: bool) -> View:
            at = asked.at if isinstance(asked, AtMoment) else ""
            course = asked.course if isinstance(asked, AlongFlow) and asked.follows else None
            seen = await self._knowing.see(page.needs, fresh=fresh, at=at, course=course)
            try:
                return await self._beside(page.answer, seen, asked)
            except NotHere as error:
                gaps = seen.rows.answers.gaps()
                if not gaps:
                    raise
                said = f"{error}, and not all is known: {'; '.join(gaps)}"
                raise web.HTTPServiceUnavailable(text=said) from error

        return Served(page.path, page.template, page.asked, page.answers, answer)

    def _handler(self, page: Served, twin: bool) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            asked, programs = _asked(request, page, twin)
            fresh = request.headers.get("Cache-Control") == "no-cache"
            try:
                view = await page.answer(asked, fresh)
            except NotHere as error:
                raise web.HTTPNotFound(text=str(error)) from error
            if programs:
                return json_text(await self._beside(_to_json, view))
            content = {"page": view, "asked": asked, "here": page.path, "frame": self._frame}
            return await self._beside(as_page, page.template, content)

        return handle

    async def _beside(self, work: Callable[..., T], *given: Any) -> T:
        """Do something beside the loop, which has others to answer, and not too much at once."""
        async with self._slots:
            return await asyncio.to_thread(work, *given)


def _to_json(view: View) -> str:
    return view.model_dump_json(by_alias=True)


def twins(path: str) -> Iterable[str]:
    """Return the paths of a page: its twin's, and its own."""
    return ("/overview.json", path) if path == "/" else (path + TWIN, path)


def _asked(request: web.Request, page: Served, twin: bool) -> tuple[Asked, bool]:
    """Return what is asked, and whether a program asks."""
    named = dict(request.match_info)
    programs = twin
    if "format" in request.query or not twin:
        programs = asks_for_json(request)
        if twin and named:
            # Whoever says the format means a name that ends like a twin's.
            last = [*named][-1]
            named[last] += TWIN
    try:
        return page.asked.model_validate({**request.query, **named}), programs
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise web.HTTPBadRequest(text=f"{where}: {first['msg']}") from error
