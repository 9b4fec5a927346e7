"""What one has beside a running `vereflow up`: an unmodified kubectl, and curl."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.processes import descendants, runs

KUBECTL = Path(sys.executable).parent / "kubectl"
READY_WITHIN = 120.0
WITHIN = 90.0
ADDRESSES = {
    "pod-a": "10.244.120.90",
    "pod-b": "10.244.120.91",
    "pod-c": "10.244.120.92",
}


class Terminal:
    """A running `vereflow up` and what one needs beside it, at one of its clusters."""

    def __init__(self, file: Path, cluster: str = "") -> None:
        self.file = file
        endpoints = self.endpoints = json.loads(file.read_text())
        self._kube = endpoints["clusters"][cluster] if cluster else endpoints["kube"]
        named = {"VEREFLOW_CLUSTER__NAME": cluster} if cluster else {}
        self._environment = {**os.environ, **named}
        self.graph = f"{endpoints['verefoo']['url']}/adp/graphs/{endpoints['verefoo']['graph']}"

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run an unmodified kubectl."""
        done = subprocess.run(
            [KUBECTL, "--kubeconfig", self._kube["kubeconfig"], *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def vereflow(self, *arguments: str) -> int:
        """Run a command of ours against it; return its exit code."""
        command = [sys.executable, "-m", "deploy.cli", *arguments, "--endpoints", str(self.file)]
        run = subprocess.run(command, capture_output=True, timeout=90, env=self._environment)
        return run.returncode

    def policies(self) -> dict[str, Any]:
        """Return the stored policies by name."""
        told = json.loads(self.kubectl("get", "netpol", "-o", "json"))
        return {item["metadata"]["name"]: item for item in told["items"]}

    def versions(self) -> dict[str, str]:
        """Return the version of each stored policy, which every write changes."""
        found = self.policies()
        return {name: each["metadata"]["resourceVersion"] for name, each in found.items()}

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

    def write_rules(self, firewall: str, elements: list[dict[str, Any]]) -> None:
        """Replace a firewall's rules."""
        node = self.nodes()[firewall]
        path = f"{self.graph}/nodes/{node['id']}/configuration/{node['configuration']['id']}"
        function = {"defaultAction": "DENY", "elements": elements}
        self.curl("PUT", path, {"name": "fw", "description": "by hand", "firewall": function})


@contextmanager
def up(folder: Path, *options: str) -> Iterator[Terminal]:
    """Run `vereflow up` meanwhile; it has to end well, and with it whatever it started."""
    file = folder / "endpoints.json"
    command = [sys.executable, "-m", "deploy.cli", "up", *options]
    told = ["--state-dir", str(folder / "state"), "--endpoints", str(file)]
    with (folder / "up.log").open("wb") as log:
        running = subprocess.Popen([*command, *told], stdout=log, stderr=log)
    try:
        until(lambda: file.exists() or running.poll() is not None, READY_WITHIN)
        assert running.poll() is None, (folder / "up.log").read_text()
        yield Terminal(file)
        started = list(descendants(running.pid))
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
        assert not file.exists()
        assert started
        until(lambda: not any(map(runs, started)))
    finally:
        running.kill()
        running.wait()


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
