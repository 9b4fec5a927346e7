"""Let in who may: a form for people, a header for programs, and nothing but health for others."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from aiohttp import hdrs, web

from agents.asking.connecting import NotShown
from agents.web.access import Door, Guest, Outsider, Shown
from agents.web.answers import as_json, as_page, asks_for_json, refuse
from agents.web.guard import is_from_elsewhere
from streams.codec import escape

FORM = "application/x-www-form-urlencoded"
PAGE = "/login"
# What shows nothing of what is known here: whether the worker does its part, and how pages look.
OPEN = frozenset({PAGE, "/healthz", "/readyz", "/static/{file}"})
LONGEST_WAY_BACK = 1000
GUEST = web.RequestKey("guest", Guest)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger()


class Login:
    """What stands before all pages, where a token is asked for."""

    def __init__(self, door: Door, secure: bool) -> None:
        self._door = door
        self._secure = secure
        # Of this prefix browsers believe nobody else on the way, nor a neighbour of our host.
        self._cookie = "__Host-vereflow" if secure else "vereflow"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes of those who come and go."""
        return [
            web.get(PAGE, self.page),
            web.post(PAGE, self.come),
            web.post("/logout", self.leave),
        ]

    @property
    def middleware(self) -> Any:
        """What every request passes before it is answered."""

        @web.middleware
        async def logged_in(request: web.Request, handler: Handler) -> web.StreamResponse:
            if _asked(request) in OPEN:
                return await handler(request)
            try:
                request[GUEST] = self._door.admit(self._shown(request))
            except Outsider as outsider:
                return _turned_away(request, outsider)
            except NotShown as error:
                return _closed(request, error)
            return await handler(request)

        return logged_in

    def stays(self, request: web.Request) -> bool:
        """Tell whether who was let in with a request still would be."""
        guest = request[GUEST]
        return guest.until is None or self._door.still_knows(self._session(request))

    async def page(self, request: web.Request) -> web.Response:
        """The form."""
        return _form(request, request.query.get("next", "/"))

    async def come(self, request: web.Request) -> web.Response:
        """Let somebody in who knows the token."""
        form = await self._own_form(request)
        back = str(form.get("next", "/"))
        if self._is_in_by_header(request):
            # Through the proxy: what one types there must not have the proxy wait.
            return web.Response(status=303, headers={hdrs.LOCATION: _local(back)})
        try:
            session, lasts = self._door.begin(str(form.get("token", "")), request.remote or "")
        except Outsider as outsider:
            log.warning("login refused", address=escape(request.remote), reason=str(outsider))
            return _turned_away(request, outsider, back)
        except NotShown as error:
            return _closed(request, error)
        log.info("logged in", address=escape(request.remote))
        response = web.Response(status=303, headers={hdrs.LOCATION: _local(back)})
        self._set(response, session, lasts)
        return response

    async def leave(self, request: web.Request) -> web.Response:
        """Have the browser forget its session."""
        await self._own_form(request)
        response = web.Response(status=303, headers={hdrs.LOCATION: PAGE})
        self._set(response, "", 0)
        return response

    async def _own_form(self, request: web.Request) -> Any:
        if is_from_elsewhere(request):
            raise web.HTTPForbidden(text="only our own pages may ask for this")
        return await request.post() if request.content_type == FORM else {}

    def _is_in_by_header(self, request: web.Request) -> bool:
        shown = self._shown(request)
        try:
            return bool(shown.authorization) and self._door.admit(shown).until is None
        except (Outsider, NotShown):
            return False

    def _shown(self, request: web.Request) -> Shown:
        header = self._door.proxy_header
        return Shown(
            request.remote or "",
            request.headers.getall(hdrs.AUTHORIZATION, []),
            self._session(request),
            request.headers.getall(header, []) if header else (),
        )

    def _session(self, request: web.Request) -> str:
        return request.cookies.get(self._cookie, "")

    def _set(self, response: web.Response, session: str, lasts: int) -> None:
        response.set_cookie(
            self._cookie,
            session,
            max_age=lasts,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Strict",
        )


def who_asks(request: web.Request) -> str:
    """Return as whom somebody was let in, for the log; empty where nobody is asked who he is."""
    guest = request.get(GUEST)
    return escape(guest.name) if guest is not None else ""


def _turned_away(request: web.Request, outsider: Outsider, back: str = "") -> web.Response:
    if outsider.wait > 0:
        response = refuse(request, 429, str(outsider))
        response.headers[hdrs.RETRY_AFTER] = str(math.ceil(outsider.wait))
        return response
    if "text/html" in request.headers.get(hdrs.ACCEPT, "") and not asks_for_json(request):
        asked = request.path_qs if request.method in ("GET", "HEAD") else "/"
        response = _form(request, back or asked, str(outsider), 401)
    else:
        response = as_json({"error": str(outsider), "status": 401}, 401)
    response.headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="vereflow"'
    return response


def _closed(request: web.Request, error: NotShown) -> web.Response:
    log.error("nobody can log in", reason=str(error))
    return refuse(request, 503, "nobody can log in: the token cannot be read; the log says why")


def _form(request: web.Request, back: str, said: str = "", status: int = 200) -> web.Response:
    elsewhere = request.headers.get("Sec-Fetch-Site") == "cross-site"
    content = {"back": _local(back), "said": said, "elsewhere": elsewhere}
    return as_page("login.html", content, status)


def _local(path: str) -> str:
    """Return a path of ours; the first page for what leads elsewhere."""
    # Browsers read a backslash as a slash, and leave out what cannot be seen.
    ours = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if ours and len(path) <= LONGEST_WAY_BACK and path.isprintable() else "/"


def _asked(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""
