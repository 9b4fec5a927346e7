"""An API server of its own for each test, and clients that find it by a kubeconfig."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.clients.kubernetes import Cluster
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from deploy.local.kubernetes.server import KubernetesServer
from tests.integration.kubernetes.world import Proxy, World


@pytest.fixture
async def server() -> AsyncIterator[KubernetesServer]:
    server = KubernetesServer(bookmark_seconds=0.2)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def cluster(server: KubernetesServer, tmp_path: Path) -> AsyncIterator[Cluster]:
    cluster = Cluster.of(write_kubeconfig(tmp_path / "kubeconfig", server.url))
    yield cluster
    await cluster.close()


@pytest.fixture
async def proxy(server: KubernetesServer) -> AsyncIterator[Proxy]:
    async with Proxy(server.url) as proxy:
        yield proxy


@pytest.fixture
async def proxied(proxy: Proxy, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A client of the same server, by way of the proxy, and quickly impatient."""
    cluster = Cluster.of(write_kubeconfig(tmp_path / "proxied", proxy.url), deadline=1.5)
    yield cluster
    await cluster.close()


@pytest.fixture
async def world(server: KubernetesServer) -> AsyncIterator[World]:
    async with World(server) as world:
        yield world
