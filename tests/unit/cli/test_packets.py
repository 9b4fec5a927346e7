"""Where there are no real packets, everything that needs them is exit 2 and one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Invoke


@pytest.fixture
def _possible(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, "")


@pytest.fixture
def _impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, "real packets need patience")


def say(monkeypatch: pytest.MonkeyPatch, lacks: str) -> None:
    for module in ("deploy.world", "deploy.cli.probe"):
        monkeypatch.setattr(f"{module}.lacking", lambda: lacks)


def refused(invoke: Invoke, *arguments: str, **environment: str) -> str:
    ended = invoke(*arguments, **environment)
    assert ended.exit_code == 2, ended.output
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.usefixtures("_impossible")
@pytest.mark.parametrize(
    "command", [["up", "--packets"], ["demo", "--packets"], ["probe", "pod-a", "pod-b"]]
)
def test_a_machine_that_lacks_something_says_what(invoke: Invoke, command: list[str]) -> None:
    assert refused(invoke, *command) == "vereflow: real packets need patience"


@pytest.mark.usefixtures("_possible")
def test_the_pods_of_another_cluster_get_no_packets(invoke: Invoke, tmp_path: Path) -> None:
    there = f"kubeconfig:{tmp_path}/none"

    assert "not for those of another cluster" in refused(invoke, "up", "--packets", "--kube", there)


@pytest.mark.usefixtures("_possible")
def test_a_probe_needs_a_world_with_packets(invoke: Invoke, tmp_path: Path) -> None:
    file = tmp_path / "here.json"
    file.write_text(
        json.dumps(
            {"kube": {}, "broker": "b:1", "verefoo": {"url": "http://127.0.0.1:1/v", "graph": 1}}
        )
    )

    for where in ([], ["--endpoints", str(file)]):
        assert "vereflow up --packets" in refused(invoke, "probe", "pod-a", "pod-b", *where)


@pytest.mark.usefixtures("_possible")
def test_a_probe_is_sent_in_the_cluster_that_is_set(invoke: Invoke, tmp_path: Path) -> None:
    file = tmp_path / "here.json"
    clusters = {"one": {"packets": str(tmp_path)}, "two": {}}
    told = {
        "kube": {},
        "broker": "b:1",
        "verefoo": {"url": "http://127.0.0.1:1/v", "graph": 1},
        "clusters": clusters,
    }
    file.write_text(json.dumps(told))
    asked = ("probe", "pod-a", "10.245.0.2", "--endpoints", str(file))

    assert "vereflow up --packets" in refused(invoke, *asked, VEREFLOW_CLUSTER__NAME="two")


@pytest.mark.usefixtures("_possible")
@pytest.mark.parametrize("port", ["9899/SCTP", "0", "http"])
def test_only_ports_of_tcp_and_udp_are_probed(invoke: Invoke, port: str) -> None:
    line = refused(invoke, "probe", "pod-a", "pod-b", port)

    assert "only TCP, UDP and pings" in line or "is no port" in line
