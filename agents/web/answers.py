"""Answers as JSON or as a page: the same content, escaped either way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent


def encode_key(text: str) -> str:
    """Return a key as one segment of a path, slashes included."""
    return quote(text, safe="")


_pages = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_pages.filters["key"] = encode_key
_pages.filters["pretty"] = lambda value: json.dumps(value, indent=2, default=str)


def as_json(content: Any, status: int = 200) -> web.Response:
    """Return content as JSON."""
    text = json.dumps(content, default=str)
    return web.Response(text=text, status=status, content_type="application/json")


def as_page(template: str, content: dict[str, Any], status: int = 200) -> web.Response:
    """Return content as a page."""
    text = _pages.get_template(template).render(content)
    return web.Response(text=text, status=status, content_type="text/html")


def answer(
    request: web.Request,
    template: str,
    content: dict[str, Any],
    asked: dict[str, Any] | None = None,
) -> web.Response:
    """Return content the way it was asked for: a page, unless JSON is; ``asked`` is for pages."""
    if asks_for_json(request):
        return as_json(content)
    return as_page(template, content | (asked or {}))


def refuse(request: web.BaseRequest, status: int, error: str) -> web.Response:
    """Return why a request gets nothing else: a page only for who reads pages."""
    content = {"error": error, "status": status}
    if "text/html" in request.headers.get("Accept", ""):
        return as_page("error.html", content, status)
    return as_json(content, status)


def asks_for_json(request: web.Request) -> bool:
    """Tell whether JSON is wanted, by the query or else by the header."""
    wanted = request.query.get("format")
    if wanted is not None:
        return wanted == "json"
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept
