"""A Verefoo to ask: the embedded one, or any other by its URL."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.local.verefoo.server import VerefooServer


@pytest.fixture
async def verefoo_url() -> AsyncIterator[str]:
    """Return the base URL; VEREFOO_URL names a real server, whose graphs these tests may delete."""
    given = os.environ.get("VEREFOO_URL")
    if given:
        yield given
        return
    server = VerefooServer()
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


@pytest.fixture
async def http(verefoo_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client that speaks as one should to Verefoo."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    async with httpx.AsyncClient(
        base_url=verefoo_url, headers=headers, timeout=90, trust_env=False
    ) as http:
        yield http


@pytest.fixture
async def gid(http: httpx.AsyncClient) -> int:
    """Return a new, empty graph."""
    response = await http.post("/adp/graphs", json={"graph": [{"node": []}]})
    return int(response.json()["_embedded"]["longList"][0])
