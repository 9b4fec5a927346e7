"""The embedded API server and kube-apiserver, and clients that find them by a kubeconfig."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.clients.kubernetes import Cluster
from deploy.local.kubernetes.apiserver.server import ApiServer
from tests.integration.kubernetes.servers import Embedded, Real, Server
from tests.integration.kubernetes.world import Proxy, World
from tests.real import needs_go


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    # Started by the first test: here its loop runs already.
    server = ApiServer(tmp_path_factory.mktemp("apiserver"))
    yield server
    server.stop()


@pytest.fixture(params=["embedded", pytest.param("apiserver", marks=needs_go)])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    if request.param == "apiserver":
        real = Real(request.getfixturevalue("apiserver"))
        await real.start()
        await real.empty()
        yield real
        return
    embedded = Embedded(bookmark_seconds=0.2)
    await embedded.start()
    yield embedded
    await embedded.stop()


@pytest.fixture
async def cluster(server: Server, tmp_path: Path) -> AsyncIterator[Cluster]:
    cluster = Cluster.of(server.kubeconfig(tmp_path / "kubeconfig"))
    yield cluster
    await cluster.close()


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[Proxy]:
    async with Proxy(server) as proxy:
        yield proxy


@pytest.fixture
async def proxied(server: Server, proxy: Proxy, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A client of the same server, by way of the proxy, and quickly impatient."""
    path = server.kubeconfig(tmp_path / "proxied", proxy.url)
    cluster = Cluster.of(path, deadline=3.0)
    yield cluster
    await cluster.close()


@pytest.fixture
async def world(server: Server) -> AsyncIterator[World]:
    async with World(server) as world:
        yield world
