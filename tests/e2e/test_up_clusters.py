"""What people do with `vereflow up --clusters`: kubectl in each cluster, one graph for both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.stage import FIREWALL
from tests.e2e.terminal import ADDRESSES, Terminal, isolated, pod, until, up
from tests.e2e.test_commands import allow

A, B, _ = ADDRESSES.values()
NET = "10.245.-1.-1"


def test_a_rule_between_two_clusters_opens_its_two_halves_and_no_more(
    tmp_path: Path,
) -> None:
    with up(tmp_path, "--clusters", "2") as one:
        two = Terminal(one.file, "two")
        one.kubectl("create", "-f", "-", stdin=pod("pod-a"))
        for name in ("pod-b", "pod-c"):
            two.kubectl("create", "-f", "-", stdin=pod(name))
        closed = {name: isolated(name) for name in ADDRESSES}
        until(lambda: one.specs() | two.specs() == closed)
        until(lambda: one.nodes().keys() == {FIREWALL, *ADDRESSES.values()})

        one.write_rules(FIREWALL, [allow(A, B)])
        opened = {
            "pod-a": isolated("pod-a") | half("egress", "to", B),
            "pod-b": isolated("pod-b") | half("ingress", "from", A),
            "pod-c": isolated("pod-c"),
        }
        until(lambda: one.specs() | two.specs() == opened)

        until(lambda: one.vereflow("wait") == 0)
        assert (one.specs().keys(), two.specs().keys()) == ({"pod-a"}, {"pod-b", "pod-c"})
        assert one.specs() | two.specs() == opened
        for each in (one, two):
            # A worker that was started again in this moment does not know everything yet.
            until(lambda each=each: each.vereflow("verify") == 0)


@pytest.mark.long
def test_a_rule_about_a_cluster_that_is_one_node_opens_the_half_of_each_of_its_pods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEREFLOW_GRAPH__SUBNETS", json.dumps({"two": NET}))
    with up(tmp_path, "--clusters", "2") as one:
        # What was set for the world is in the file that commands read.
        monkeypatch.delenv("VEREFLOW_GRAPH__SUBNETS")
        two = Terminal(one.file, "two")
        one.kubectl("create", "-f", "-", stdin=pod("pod-a"))
        there = {name: ADDRESSES[name].replace("10.244", "10.245") for name in ("pod-b", "pod-c")}
        for name, address in there.items():
            two.kubectl("create", "-f", "-", stdin=pod(name).replace(ADDRESSES[name], address))
        until(lambda: len(one.specs() | two.specs()) == len(ADDRESSES))
        until(lambda: one.nodes().keys() == {FIREWALL, A, NET})

        one.write_rules(FIREWALL, [allow(A, NET)])
        let_in = half("ingress", "from", A)
        until(lambda: two.specs() == {name: isolated(name) | let_in for name in there})
        (egress,) = one.specs()["pod-a"]["egress"]
        assert [each["ipBlock"]["cidr"] for each in egress["to"]] == [
            f"{address}/32" for address in there.values()
        ]
        until(lambda: two.vereflow("verify") == 0)


def half(direction: str, side: str, address: str) -> dict[str, Any]:
    port = {"protocol": "TCP", "port": 80}
    return {direction: [{side: [{"ipBlock": {"cidr": f"{address}/32"}}], "ports": [port]}]}
