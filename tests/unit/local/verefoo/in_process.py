"""An embedded Verefoo without sockets, for tests of whoever talks to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import orjson

from deploy.local.verefoo.render import Reply
from deploy.local.verefoo.routes import Asked, answer
from deploy.local.verefoo.store import Store

BASE = "http://verefoo.test/verefoo"


def ask(store: Store, method: str, path: str, body: Any = None) -> Reply:
    """Ask the store as a well-behaved client does."""
    content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    return answer(store, Asked(method, "/verefoo" + path, content, "application/json"))


def respond(store: Store, request: httpx.Request) -> httpx.Response:
    """Answer an httpx request out of the store."""
    kind = request.headers.get("Content-Type", "")
    accept = request.headers.get("Accept", "")
    asked = Asked(request.method, request.url.path, request.content, kind, accept)
    reply = answer(store, asked)
    if isinstance(reply.body, str):
        return httpx.Response(reply.status, text=reply.body)
    content = b"" if reply.body is None else orjson.dumps(reply.body)
    return httpx.Response(reply.status, content=content)


def client_that(answers: Callable[[httpx.Request], httpx.Response]) -> httpx.AsyncClient:
    """Return an httpx client whose requests are answered by a function."""
    return httpx.AsyncClient(base_url=BASE, transport=httpx.MockTransport(answers))
