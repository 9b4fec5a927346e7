"""The story, played with nothing but `vereflow up`, kubectl and HTTP: word by word."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.terminal import ADDRESSES, Terminal, isolated, named, pod, until, up

RULE = {
    "action": "ALLOW",
    "source": "10.244.120.90",
    "destination": "10.244.120.91",
    "protocol": "TCP",
    "srcPort": "80",
    "dstPort": "80",
    "directional": True,
}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with up(tmp_path_factory.mktemp("up")) as terminal:
        yield terminal


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
    terminal.write_rules("10.0.0.1", [RULE])
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
    place = f"{web}/tables/pods/local/default/pod-b?format=json"
    # A worker that was started again in this moment reads once more what it had not committed; and
    # what makes pages begins with the first look, and stands back for everybody here.
    until(lambda: httpx.get(place, trust_env=False, timeout=60).is_success)

    asked = {"Accept": "text/html"}
    page = httpx.get(f"{web}/tables/pods", headers=asked, trust_env=False, timeout=60)
    row = terminal.curl("GET", place)

    assert page.status_code == 200
    assert "local/default/pod-b" in page.text
    assert row["row"]["pod"]["name"] == "pod-b"
    assert row["changelog"]["topic"] == "vereflow-pods-changelog"
