"""The two API servers of these tests, each with what a test may do to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from agents.clients.kubernetes import Cluster
from deploy.local.kubernetes.apiserver.server import ApiServer
from deploy.local.kubernetes.kinds import NAMESPACES
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from deploy.local.kubernetes.request_log import Write
from deploy.local.kubernetes.server import KubernetesServer

# For what only a stand-in can be told to do: forget its history, or cut its watches.
ON_THE_EMBEDDED_ONE = pytest.mark.parametrize("server", ["embedded"], indirect=True)
EMPTIED = (
    "/api/v1/namespaces/{}/pods",
    "/api/v1/namespaces/{}/events",
    "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
)


@asynccontextmanager
async def client(path: Path) -> AsyncIterator[Cluster]:
    """Be a client by a kubeconfig for a while."""
    cluster = Cluster.of(path)
    try:
        yield cluster
    finally:
        await cluster.close()


class Server(Protocol):
    """An API server that somebody has all rights on."""

    @property
    def url(self) -> str:
        """Where it listens."""

    @property
    def trust(self) -> ssl.SSLContext | bool:
        """By what clients know it."""

    @property
    def token(self) -> str:
        """The password of whoever has all rights."""

    def client(self) -> httpx.AsyncClient:
        """Return a client with all rights."""

    def kubeconfig(self, path: Path, url: str = "") -> Path:
        """Write the way in, by way of another address if there is one."""

    def writes(self, resource: str = "", namespace: str = "") -> list[Write]:
        """Return the writes so far."""

    async def start(self) -> None:
        """Serve again."""

    async def stop(self) -> None:
        """Serve no more."""


class Embedded(KubernetesServer):
    """Ours, new for each test."""

    trust = True
    token = ""

    def kubeconfig(self, path: Path, url: str = "") -> Path:
        return write_kubeconfig(path, url or self.url)

    def age(self) -> None:
        """Make every version that anybody knows too old."""
        self.store.put(NAMESPACES, {"metadata": {"name": "elsewhere"}})
        self.compact()


class Real:
    """kube-apiserver, one for all tests; what an earlier one left is removed."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._before = 0

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._server.authority))

    @property
    def token(self) -> str:
        return self._server.token

    def client(self) -> httpx.AsyncClient:
        return self._server.client()

    def kubeconfig(self, path: Path, url: str = "") -> Path:
        if url:
            # The way to the proxy is bare; behind it is the server's own.
            return write_kubeconfig(path, url)
        return write_kubeconfig(path, self.url, self.token, self._server.authority)

    def writes(self, resource: str = "", namespace: str = "") -> list[Write]:
        seen = self._server.writes()[self._before :]
        return [
            write
            for write in seen
            if resource in ("", write.resource) and namespace in ("", write.namespace)
        ]

    async def start(self) -> None:
        if not self._server.apiserver.runs:
            await self._server.start()

    async def stop(self) -> None:
        await asyncio.to_thread(self._server.apiserver.kill)

    async def empty(self) -> None:
        """Remove everything, in the namespaces that tests use."""
        async with self.client() as http:
            for namespace in ("default", "shop", "kube-system"):
                for path in EMPTIED:
                    gone = await http.request(
                        "DELETE", path.format(namespace), json={"gracePeriodSeconds": 0}
                    )
                    assert gone.status_code in (200, 404), gone.text
        self._before = len(self._server.writes())
