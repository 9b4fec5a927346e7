"""The story with a firewall before every pod, in a mesh and around a hub, with kubectl and curl."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.terminal import ADDRESSES, Terminal, isolated, named, pod, until, up
from tests.e2e.test_commands import allow

A, B, C = ADDRESSES.values()
FIREWALLS = {"10.0.0.0", "10.0.0.1", "10.0.0.2"}
HUB = "10.0.15.255"


@pytest.fixture(params=["distributed", "distributed:hub"])
def terminal(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Terminal]:
    with up(tmp_path_factory.mktemp("up"), "--placement", request.param) as terminal:
        yield terminal


def edges(terminal: Terminal) -> dict[str, set[str]]:
    return {
        name: {each["name"] for each in node["neighbour"]}
        for name, node in terminal.nodes().items()
    }


def joined(fronts: dict[str, str], hub: bool) -> dict[str, set[str]]:
    """Return the edges of a graph in which these pods stand behind these firewalls."""
    names = set(fronts.values())
    graph = {address: {name} for address, name in fronts.items()}
    for address, name in fronts.items():
        graph[name] = {address} | ({HUB} if hub else names - {name})
    return graph | ({HUB: names} if hub else {})


def rules_on(terminal: Terminal, firewall: str) -> list[tuple[str, str]]:
    elements = terminal.nodes()[firewall]["configuration"]["firewall"]["elements"]
    return sorted((each["source"], each["destination"]) for each in elements)


def test_the_distributed_story_comes_true_with_kubectl_and_curl_alone(terminal: Terminal) -> None:
    hub = HUB in terminal.nodes()
    assert edges(terminal) == joined({}, hub)

    for name in ADDRESSES:
        terminal.kubectl("create", "-f", "-", stdin=pod(name))
    until(lambda: terminal.specs() == {name: isolated(name) for name in ADDRESSES})
    until(lambda: len(edges(terminal)) == 6 + hub)
    fronts = {address: min(edges(terminal)[address]) for address in ADDRESSES.values()}
    assert set(fronts.values()) == FIREWALLS
    until(lambda: edges(terminal) == joined(fronts, hub))

    # On b's firewall alone, and on a's one that names c.
    untouched = terminal.policies()["pod-a"]["metadata"]["resourceVersion"]
    terminal.write_rules(fronts[B], [allow(B, C)])
    port = [{"protocol": "TCP", "port": 80}]
    opened = {
        "pod-a": isolated("pod-a"),
        "pod-b": isolated("pod-b") | {"egress": [{"to": [named("pod-c")], "ports": port}]},
        "pod-c": isolated("pod-c") | {"ingress": [{"from": [named("pod-b")], "ports": port}]},
    }
    until(lambda: terminal.specs() == opened)
    assert terminal.policies()["pod-a"]["metadata"]["resourceVersion"] == untouched
    terminal.write_rules(fronts[A], [allow(A, B), allow(C, A)])
    until(lambda: "ports" in terminal.specs()["pod-a"]["ingress"][0])

    terminal.kubectl("delete", "pod", "pod-c", "--wait=false")
    a_to_b = {
        "pod-a": isolated("pod-a") | {"egress": [{"to": [named("pod-b")], "ports": port}]},
        "pod-b": isolated("pod-b") | {"ingress": [{"from": [named("pod-a")], "ports": port}]},
    }
    until(lambda: terminal.specs() == a_to_b)
    left = {address: name for address, name in fronts.items() if address != C}
    until(lambda: edges(terminal) == joined(left, hub))
    assert rules_on(terminal, fronts[A]) == [(A, B)]
    assert rules_on(terminal, fronts[B]) == []

    # Whoever comes next gets the firewall's name, and none of its rules.
    terminal.kubectl("create", "-f", "-", stdin=pod("pod-c"))
    until(lambda: terminal.specs() == {**a_to_b, "pod-c": isolated("pod-c")})
    until(lambda: edges(terminal) == joined(fronts, hub))
    assert rules_on(terminal, fronts[C]) == []


def test_where_every_hop_counts_a_rule_has_to_stand_before_both_its_pods(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEREFLOW_RULES__READING", "every-hop")
    with up(tmp_path_factory.mktemp("up"), "--placement", "distributed:hub") as terminal:
        for name in ADDRESSES:
            terminal.kubectl("create", "-f", "-", stdin=pod(name))
        until(lambda: terminal.specs() == {name: isolated(name) for name in ADDRESSES})
        until(lambda: all(edges(terminal).get(address) for address in ADDRESSES.values()))
        fronts = {address: min(edges(terminal)[address]) for address in ADDRESSES.values()}
        before = terminal.versions()

        terminal.write_rules(fronts[B], [allow(B, C)])
        terminal.write_rules(fronts[A], [allow(B, C)])
        assert terminal.vereflow("wait") == 0
        assert terminal.versions() == before

        terminal.write_rules(fronts[C], [allow(B, C), allow(A, C)])
        port = [{"protocol": "TCP", "port": 80}]
        opened = {
            "pod-a": isolated("pod-a"),
            "pod-b": isolated("pod-b") | {"egress": [{"to": [named("pod-c")], "ports": port}]},
            "pod-c": isolated("pod-c") | {"ingress": [{"from": [named("pod-b")], "ports": port}]},
        }
        until(lambda: terminal.specs() == opened)
        assert terminal.vereflow("verify") == 0
