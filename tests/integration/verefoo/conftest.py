"""A Verefoo of its own for each test, a keeper at work, and somebody unreliable in between."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from agents import graph_patience
from deploy.local.verefoo.server import VerefooServer
from tests.integration.verefoo.running_world import RunningWorld, Unreliable


@pytest.fixture
async def server() -> AsyncIterator[VerefooServer]:
    server = VerefooServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def between(server: VerefooServer) -> AsyncIterator[Unreliable]:
    async with Unreliable(server.url) as between:
        yield between


@pytest.fixture
async def world(
    server: VerefooServer, between: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningWorld]:
    """Three pods that are all there, one rule that is told, and a keeper that goes on polling."""
    monkeypatch.setattr(graph_patience, "FIRST_SECONDS", 0.02)
    monkeypatch.setattr(graph_patience, "LONGEST_SECONDS", 0.1)
    async with (
        httpx.AsyncClient(base_url=between.url, trust_env=False) as http,
        RunningWorld(server, http) as world,
    ):
        await world.begin()
        yield world
