"""The story, played with nothing but `vereflow up`, kubectl and HTTP: word by word."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

KUBECTL = Path(sys.executable).parent / "kubectl"
READY_WITHIN = 120.0
WITHIN = 90.0
ADDRESSES = {
    "pod-a": "10.244.120.90",
    "pod-b": "10.244.120.91",
    "pod-c": "10.244.120.92",
}
RULE = {
    "action": "ALLOW",
    "source": "10.244.120.90",
    "destination": "10.244.120.91",
    "protocol": "TCP",
    "srcPort": "80",
    "dstPort": "80",
    "directional": True,
}


class Terminal:
    """A running `vereflow up` and what one needs beside it."""

    def __init__(self, endpoints: dict[str, Any]) -> None:
        self.endpoints = endpoints
        self.graph = f"{endpoints['verefoo']['url']}/adp/graphs/{endpoints['verefoo']['graph']}"

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run an unmodified kubectl."""
        done = subprocess.run(
            [KUBECTL, "--kubeconfig", self.endpoints["kube"]["kubeconfig"], *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def policies(self) -> dict[str, Any]:
        """Return the stored policies by name."""
        told = json.loads(self.kubectl("get", "netpol", "-o", "json"))
        return {item["metadata"]["name"]: item for item in told["items"]}

    def specs(self) -> dict[str, Any]:
        """Return the stored specs by name."""
        return {name: policy["spec"] for name, policy in self.policies().items()}

    def curl(self, method: str, url: str, body: Any = None) -> Any:
        """Ask as curl would."""
        headers = {"Accept": "application/json"}
        answer = httpx.request(method, url, json=body, headers=headers, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    def nodes(self) -> dict[str, Any]:
        """Return the graph's nodes by name."""
        told = self.curl("GET", self.graph)["_embedded"]["graphList"][0]
        return {node["name"]: node for node in told["node"]}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("up")
    file = folder / "endpoints.json"
    command = [sys.executable, "-m", "deploy.cli", "up"]
    options = ["--state-dir", str(folder / "state"), "--endpoints", str(file)]
    with (folder / "up.log").open("wb") as log:
        up = subprocess.Popen([*command, *options], stdout=log, stderr=log)
    try:
        until(lambda: file.exists() or up.poll() is not None, READY_WITHIN)
        assert up.poll() is None, (folder / "up.log").read_text()
        yield Terminal(json.loads(file.read_text()))
        up.send_signal(signal.SIGTERM)
        assert up.wait(30) == 0
        assert not file.exists()
    finally:
        up.kill()
        up.wait()


def until(holds: Callable[[], bool], within: float = WITHIN) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def pod(name: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": {"app": name},
                "annotations": {"vereflow.io/pod-ip": ADDRESSES[name]},
            },
            "spec": {
                "containers": [{"name": "main", "image": "nginx", "ports": [{"containerPort": 80}]}]
            },
        }
    )


def named(name: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"app": name}}}


def isolated(name: str) -> dict[str, Any]:
    return {
        **named(name),
        "ingress": [{"from": [named(name)]}],
        "egress": [{"to": [named(name)]}],
        "policyTypes": ["Ingress", "Egress"],
    }


def test_the_story_comes_true_with_kubectl_and_curl_alone(terminal: Terminal) -> None:
    assert terminal.nodes().keys() == {"10.0.0.1"}
    assert terminal.nodes()["10.0.0.1"]["neighbour"] == []

    for name in ADDRESSES:
        terminal.kubectl("create", "-f", "-", stdin=pod(name))
    until(lambda: terminal.specs() == {name: isolated(name) for name in ADDRESSES})
    until(lambda: terminal.nodes().keys() == {"10.0.0.1", *ADDRESSES.values()})
    until(lambda: len(terminal.nodes()["10.0.0.1"]["neighbour"]) == 3)
    nodes = terminal.nodes()
    assert nodes["10.0.0.1"]["functionalType"] == "FIREWALL"
    for address in ADDRESSES.values():
        assert nodes[address]["functionalType"] == "ENDHOST"
        assert [each["name"] for each in nodes[address]["neighbour"]] == ["10.0.0.1"]

    untouched = terminal.policies()["pod-c"]["metadata"]["resourceVersion"]
    firewall = nodes["10.0.0.1"]
    path = f"{terminal.graph}/nodes/{firewall['id']}/configuration"
    body = {
        "name": "fw",
        "description": "by hand",
        "firewall": {"defaultAction": "DENY", "elements": [RULE]},
    }
    terminal.curl("PUT", f"{path}/{firewall['configuration']['id']}", body)
    port = [{"protocol": "TCP", "port": 80}]
    opened = {
        "pod-a": isolated("pod-a") | {"egress": [{"to": [named("pod-b")], "ports": port}]},
        "pod-b": isolated("pod-b") | {"ingress": [{"from": [named("pod-a")], "ports": port}]},
        "pod-c": isolated("pod-c"),
    }
    until(lambda: terminal.specs() == opened)
    assert terminal.policies()["pod-c"]["metadata"]["resourceVersion"] == untouched

    terminal.kubectl("delete", "pod", "pod-a", "--wait=false")
    until(lambda: terminal.specs() == {name: isolated(name) for name in ("pod-b", "pod-c")})
    until(lambda: ADDRESSES["pod-a"] not in terminal.nodes())
    firewall = terminal.nodes()["10.0.0.1"]
    assert firewall["configuration"]["firewall"]["elements"] == []
    assert ADDRESSES["pod-a"] not in [each["name"] for each in firewall["neighbour"]]
    assert terminal.policies()["pod-c"]["metadata"]["resourceVersion"] == untouched


def test_a_table_can_be_looked_at_while_it_runs(terminal: Terminal) -> None:
    web = terminal.endpoints["web"][0]

    page = httpx.get(f"{web}/tables/pods", headers={"Accept": "text/html"}, trust_env=False)
    row = terminal.curl("GET", f"{web}/tables/pods/local/default/pod-b?format=json")

    assert page.status_code == 200
    assert "local/default/pod-b" in page.text
    assert row["row"]["pod"]["name"] == "pod-b"
    assert row["changelog"]["topic"] == "vereflow-pods-changelog"
