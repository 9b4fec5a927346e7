"""The files that pages are made with: read once, so that no request reaches for another."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from agents.web.answers import HERE

_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Static:
    """Style, scripts and icon."""

    def __init__(self) -> None:
        files = (HERE / "static").iterdir()
        self._files = {each.name: each.read_bytes() for each in files if each.suffix in _KINDS}

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the one route."""
        return [web.get("/static/{file}", self.file)]

    async def file(self, request: web.Request) -> web.Response:
        """One of the files."""
        name = request.match_info["file"]
        if name not in self._files:
            raise web.HTTPNotFound
        kind = _KINDS[name[name.rindex(".") :]]
        return web.Response(body=self._files[name], content_type=kind, charset="utf-8")
