"""What people do with `vereflow up --packets`, and what is left when it is killed."""

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

import pytest

from tests.integration.packets.test_network import gone, holders
from tests.processes import children, runs
from tests.real import needs_go, needs_java, needs_packets

pytestmark = needs_packets

IN_EVERY_WORLD = pytest.mark.parametrize(
    "parts",
    [
        pytest.param((), id="embedded"),
        pytest.param(
            ("--broker", "kafka", "--kube", "apiserver"), id="real", marks=(needs_java, needs_go)
        ),
    ],
)

WITHIN = 120.0
KUBECTL = Path(sys.executable).parent / "kubectl"


class Up:
    """A running `vereflow up --packets`."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.killed = False
        self.file = folder / "here.json"
        until(lambda: self.file.exists() or process.poll() is not None)
        assert process.poll() is None, (folder / "up.log").read_text()
        self.endpoints: dict[str, Any] = json.loads(self.file.read_text())
        self.packets = Path(self.endpoints["packets"])

    def kubectl(self, *arguments: str) -> str:
        kubeconfig = self.endpoints["kube"]["kubeconfig"]
        return said(str(KUBECTL), "--kubeconfig", kubeconfig, *arguments)

    def probe(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Return how `vereflow probe` ended, and what it said."""
        command = [sys.executable, "-m", "deploy.cli", "probe", *arguments, "-o", "json"]
        environment = {**os.environ, "VEREFLOW_ENDPOINTS": str(self.file)}
        ended = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert ended.returncode in (0, 1), ended.stderr
        return ended.returncode, json.loads(ended.stdout)

    def kill(self) -> None:
        """Kill the run at once; return when nothing that it started is left."""
        started = list(children(self.process.pid))
        assert set(self.endpoints["pids"].values()) <= {self.process.pid, *started}
        self.killed = True
        self.process.kill()
        self.process.wait()
        until(lambda: not any(map(runs, started)))

    def inodes(self) -> set[int]:
        links = (self.packets / "node", *self.packets.glob("pods/*/*"))
        return {os.stat(link).st_ino for link in links}


@contextmanager
def up(folder: Path, parts: tuple[str, ...]) -> Iterator[Up]:
    state, file = folder / "state", folder / "here.json"
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "deploy.cli", "up", "--packets", *parts]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--state-dir", str(state), "--endpoints", str(file)], stdout=log, stderr=log
        )
    try:
        running = Up(folder, process)
        yield running
        if not running.killed:
            process.send_signal(signal.SIGTERM)
            assert process.wait(WITHIN) == 0
    finally:
        process.kill()
        process.wait()


@IN_EVERY_WORLD
def test_pods_are_isolated_and_a_killed_run_leaves_nothing(
    tmp_path: Path, parts: tuple[str, ...]
) -> None:
    with up(tmp_path, parts) as first:
        for name in ("pod-a", "pod-b"):
            first.kubectl("run", name, "--image", "nginx", "--labels", f"app={name}")
        until(lambda: len(first.kubectl("get", "netpol", "-o", "name").split()) == 2)
        until(lambda: first.probe("pod-a", "pod-b", "80")[1]["verdict"] == "dropped")
        ended, said = first.probe("pod-a", "pod-b")
        assert (ended, said["port"], said["arrived"]) == (1, "ICMP", False)
        assert first.probe("pod-a", "pod-a", "80")[0] == 0
        inodes = first.inodes()
        assert len(inodes) == 3
        assert first.process.pid in holders(inodes)
        first.kill()

    assert gone(inodes)

    with up(tmp_path, parts) as second:
        # The pods were kept; their namespaces are new, and closed as before.
        until(lambda: len(second.inodes()) == 3)
        until(lambda: second.probe("pod-a", "pod-b", "80")[1]["verdict"] == "dropped")
        second.kubectl("delete", "pod", "pod-a", "--wait=false")
        until(lambda: len(second.inodes()) == 2)
    assert not second.packets.exists()


@IN_EVERY_WORLD
def test_the_story_comes_true_with_real_packets(parts: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "deploy.cli", "demo", "--packets", *parts]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=280)

    assert ended.returncode == 0, ended.stdout
    # Five times in the star's story, four times in the other.
    assert ended.stdout.count("What the kernel lets through") == 9
    assert "claims came true" in ended.stdout


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
