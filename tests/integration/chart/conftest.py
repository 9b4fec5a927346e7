"""A kube-apiserver that knows the kinds of the operators, and has the namespaces of the cases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.kubernetes.apiserver.server import ApiServer
from tests.integration.chart.applying import Kubectl
from tests.integration.chart.cases import ASKS
from tests.integration.chart.rendering import Rendered, render

NAMESPACES = ("vereflow", "story", "elsewhere", "shop", "bank")
CRDS = Path(__file__).with_name("crds.yaml")
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


@pytest.fixture(scope="session")
def every() -> dict[str, Rendered]:
    """Return what Helm makes of each case."""
    return dict(zip(ASKS, render(*ASKS.values()), strict=True))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-kustomize", action="store_true", help="render the base anew")


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    server = ApiServer(tmp_path_factory.mktemp("apiserver"))
    asyncio.run(server.start())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kubectl(apiserver: ApiServer) -> Kubectl:
    kubectl = Kubectl(apiserver.kubeconfig)
    kubectl("create", "-f", str(CRDS))
    kubectl("wait", "--for", "condition=Established", "-f", str(CRDS), "--timeout=60s")
    for each in NAMESPACES:
        kubectl("create", "namespace", each)
        kubectl("label", "namespace", each, RESTRICTED)
    return kubectl
