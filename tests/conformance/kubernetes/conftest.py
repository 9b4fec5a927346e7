"""A Kubernetes to ask: the embedded one, kube-apiserver, or any other by its kubeconfig."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.local.kubernetes import KubernetesServer, write_kubeconfig
from deploy.local.kubernetes.apiserver.server import ApiServer
from tests.conformance.kubernetes.kubectl import Kubectl
from tests.real import needs_go

#: Names a real cluster, in which these tests make and delete namespaces called test-*.
GIVEN = "VEREFLOW_TEST_KUBECONFIG"


@pytest.fixture(scope="session", params=["embedded", pytest.param("apiserver", marks=needs_go)])
def kubeconfig(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """Return the way to the cluster; one server for all tests, as a real one would be."""
    if given := os.environ.get(GIVEN):
        yield Path(given)
        return
    folder = tmp_path_factory.mktemp("kubernetes")
    if request.param == "apiserver":
        real = ApiServer(folder)
        asyncio.run(real.start())
        # Only after a restart is the beginning of history surely forgotten.
        real.stop()
        asyncio.run(real.start())
        try:
            yield real.kubeconfig
        finally:
            real.stop()
        return
    server = ServerThread()
    server.start()
    try:
        yield write_kubeconfig(folder / "config", server.url)
    finally:
        server.stop()


@pytest.fixture
async def http(kubeconfig: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the cluster that the kubeconfig's current context names."""
    async with client(kubeconfig) as http:
        yield http


@pytest.fixture
async def namespace(http: httpx.AsyncClient) -> AsyncIterator[str]:
    """Return a namespace nobody else uses."""
    name = f"test-{secrets.token_hex(4)}"
    body = {"metadata": {"name": name}}
    (await http.post("/api/v1/namespaces", json=body)).raise_for_status()
    yield name
    path = f"/api/v1/namespaces/{name}"
    going = await http.delete(path)
    if going.json().get("spec", {}).get("finalizers"):
        # Where no controller empties namespaces they would stay for ever.
        finished = going.json() | {"spec": {"finalizers": []}}
        await http.put(f"{path}/finalize", json=finished)


@pytest.fixture(scope="session")
def kubectl_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where kubectl keeps what it discovered."""
    return tmp_path_factory.mktemp("kubectl")


@pytest.fixture
def kubectl(kubeconfig: Path, namespace: str, kubectl_cache: Path) -> Kubectl:
    """Return kubectl, at home in the test's namespace."""
    return Kubectl(kubeconfig, namespace, kubectl_cache)


def client(kubeconfig: Path) -> httpx.AsyncClient:
    """Return a client that authenticates as the kubeconfig says."""
    config = yaml.safe_load(kubeconfig.read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"]).get("user") or {}
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    return httpx.AsyncClient(
        base_url=cluster["server"],
        verify=_trust(cluster),
        headers=headers,
        timeout=90,
        trust_env=False,
    )


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _trust(cluster: dict[str, Any]) -> ssl.SSLContext | bool:
    if "certificate-authority-data" in cluster:
        pem = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return ssl.create_default_context(cadata=pem)
    if "certificate-authority" in cluster:
        return ssl.create_default_context(cafile=cluster["certificate-authority"])
    return False


class ServerThread:
    """The embedded server on a loop of its own, so that blocking clients can be tested too."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server = KubernetesServer(bookmark_seconds=0.2)
        self.url = ""

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)
        self.url = self._server.url

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
