"""Verefoo's envelopes: what was asked for, wrapped with links; errors as Spring Boot tells them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

TITLES = {
    "GET": "get the resource",
    "POST": "create a new resource",
    "PUT": "modify the resource",
    "DELETE": "delete the resource",
}


class Reply(NamedTuple):
    """An answer: a body of None is no body at all, text is HTML."""

    status: int
    body: dict[str, Any] | str | None = None
    allow: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Return the content type: nothing that was deleted twice, or asked for, has none."""
        if self.status == 304 or self.allow:
            return ""
        return f"{'text/html' if isinstance(self.body, str) else 'application/json'};charset=UTF-8"


def embedded(status: int, key: str, values: list[Any], links: dict[str, Any]) -> Reply:
    """Wrap values in the envelope that every success has."""
    body: dict[str, Any] = {"_embedded": {key: values}} if values else {}
    return Reply(status, body | {"_links": links})


def link(url: str, methods: Iterable[str]) -> Any:
    """Return the links to one resource: an object if it is one, else a list."""
    links = [{"href": url, "title": TITLES[method]} for method in methods if method in TITLES]
    return links[0] if len(links) == 1 else links


def error(status: int, message: str, path: str) -> Reply:
    """Tell what went wrong."""
    return Reply(
        status,
        {
            "timestamp": int(time.time() * 1000),
            "status": status,
            "error": HTTPStatus(status).phrase,
            "message": message,
            "path": path,
        },
    )


def page(status: int) -> Reply:
    """Tell what went wrong to a browser, or to someone who missed the service."""
    title = f"HTTP Status {status} - {HTTPStatus(status).phrase}"
    head = f"<head><title>{title}</title></head>"
    return Reply(
        status, f'<!doctype html><html lang="en">{head}<body><h1>{title}</h1></body></html>'
    )
