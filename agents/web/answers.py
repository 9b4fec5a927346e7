"""Answers as JSON or as a page: the same content, escaped either way."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from agents.asking.plain import plain

HERE = Path(__file__).parent
_CODE = re.compile(r"`([^`]+)`")


def encode_key(text: str) -> str:
    """Return a key as one segment of a path, slashes included."""
    return quote(text, safe="")


def encode_path(text: str) -> str:
    """Return a key as the path that it reads like; one that ends like a twin's says its format."""
    path = quote(text, safe="/")
    return f"{path}?format=html" if text.endswith(".json") else path


def visible(value: Any) -> Any:
    """Return what is shown, with whatever cannot be seen or turns text around written out."""
    return value if isinstance(value, Markup) else plain(value, keep="\n")


def prose(text: str) -> Markup:
    """Return a sentence whose `words in backticks` are set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(visible(text)))))


_pages = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=visible,
)
_pages.filters["prose"] = prose
_pages.filters["key"] = encode_key
_pages.filters["path"] = encode_path
_pages.filters["pretty"] = lambda value: json.dumps(value, indent=2, default=str)
_pages.filters["yaml"] = lambda value: yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def as_json(content: Any, status: int = 200) -> web.Response:
    """Return content as JSON."""
    return json_text(json.dumps(content, default=str), status)


def json_text(text: str, status: int = 200) -> web.Response:
    """Return what is JSON already."""
    return web.Response(text=text, status=status, content_type="application/json")


def as_page(template: str, content: dict[str, Any], status: int = 200) -> web.Response:
    """Return content as a page."""
    text = _pages.get_template(template).render(content)
    return web.Response(text=text, status=status, content_type="text/html")


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
