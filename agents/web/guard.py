"""What every request passes and every answer wears: host names, headers, no traceback."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from agents.web.answers import refuse
from streams.codec import escape

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "vereflow",
}
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::[0-9]{1,5})?")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger()


def guard(hosts: Iterable[str]) -> Any:
    """Return the middleware; besides these host names it lets in the address asked at."""
    allowed = LOOPBACK | {host.lower() for host in hosts}

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await _guarded(request, handler, allowed)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return guarded


async def _guarded(
    request: web.Request, handler: Handler, allowed: frozenset[str]
) -> web.StreamResponse:
    if not _is_for_us(request, allowed):
        # A page elsewhere whose name was made to point here must not read what is here.
        return refuse(request, 421, "this host name is not served here")
    return await answer(request, handler)


@web.middleware
async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return what a handler answers, and words for what it raises."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        refusal = refuse(request, error.status, error.text or error.reason)
        if hdrs.ALLOW in error.headers:
            refusal.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return refusal
    except Exception:
        log.exception("view failed", path=escape(request.raw_path))
        return refuse(request, 500, "this view failed; the log says why")


def _is_for_us(request: web.Request, allowed: frozenset[str]) -> bool:
    named = request.headers.getall(hdrs.HOST, [])
    if not named:
        # Older than the header: no browser.
        return request.version < HttpVersion11
    host = host_of(named[0])
    return len(named) == 1 and host is not None and (host in allowed or host == _asked_at(request))


def is_from_elsewhere(request: web.Request) -> bool:
    """Tell whether a page that is not ours has its reader's browser ask."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site != "same-origin"
    # Browsers that do not say so name the origin of whatever may change something.
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is not None and origin != f"{request.scheme}://{request.host}"


def host_of(header: str) -> str | None:
    """Return the host in a Host header, without its port; None for what is no host."""
    match = _HOST.fullmatch(header)
    return (match[1] or match[2]).lower() if match else None


def _asked_at(request: web.Request) -> str | None:
    # An address cannot be made to point elsewhere: probes and scrapers may come by it.
    name = request.transport.get_extra_info("sockname") if request.transport else None
    return str(name[0]) if isinstance(name, tuple) else None
