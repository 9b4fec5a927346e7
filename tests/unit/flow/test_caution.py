"""What survives while pods are not all known, and when a graph is lost."""

from __future__ import annotations

from typing import Any

import pytest

from streams.flow.aligner import Said
from streams.flow.caution import leave_all, may_be_ours, reborn, restored
from streams.graph.alignment import align
from streams.graph.edits import AddNeighbour, AddNode
from streams.graph.model import GraphState, parse_graph
from streams.graph.star import Star
from streams.graph.wanted import Owner
from streams.records.rules import Action, Protocol, Rule
from tests.unit.graph.interpreter import FIREWALL, MemoryGraph, owner, star

A, B, C = "10.1.0.1", "10.1.0.2", "10.1.0.3"


def rule(source: str, destination: str, protocol: Protocol = Protocol.TCP) -> Rule:
    return Rule(action=Action.ALLOW, source=source, destination=destination, protocol=protocol)


def host(address: str, name: str | None, uid: str = "u") -> dict[str, Any]:
    configuration = None if name is None else {"id": 100, "name": name, "description": uid}
    return {"name": address, "functionalType": "ENDHOST", "configuration": configuration}


@pytest.mark.parametrize(
    ("there", "owners"),
    [
        ([host(A, "local/default/a")], {}),
        ([host(A, "local/default/a")], {A: owner("x"), B: owner("b")}),
        ([host(A, "local/default/Deployment/a")], {}),
        ([host(A, "local/default/Deployment/a")], {A: owner("x"), B: owner("b")}),
        ([host(A, None)], {}),
        ([host(A, None)], {A: owner("a")}),
        ([host(A, "somebody's")], {A: owner("a"), B: owner("b")}),
        ([host(A, "somebody's")], {}),
    ],
)
def test_nothing_is_removed_before_all_pods_are_known(
    there: list[dict[str, Any]], owners: dict[str, Owner]
) -> None:
    graph = MemoryGraph()
    graph.hold({})
    for node in there:
        graph.add(node)

    edits = align(graph.state, star(leave_all(owners, graph.state)))

    assert all(isinstance(edit, AddNode | AddNeighbour) for edit in edits)
    new = {edit.node.name for edit in edits if isinstance(edit, AddNode)}
    assert new == owners.keys() - {A}


def test_somebody_elses_host_is_not_joined() -> None:
    graph = MemoryGraph()
    graph.hold({})
    graph.add(host(A, "somebody's"))

    assert align(graph.state, star(leave_all({}, graph.state))) == []


def test_the_last_known_rules_are_told_as_verefoo_tells_them() -> None:
    said = Said(Action.DENY, {rule(A, B): {A: "a", B: "b"}})

    (element,) = restored(said, {A: Owner("x", "a"), B: Owner("y", "b")}, set())

    assert element == {
        "action": "ALLOW",
        "source": A,
        "destination": B,
        "protocol": "TCP",
        "srcPort": "*",
        "dstPort": "*",
        "directional": True,
    }


@pytest.mark.parametrize(
    ("meant", "kept"),
    [
        ({A: "a"}, True),
        ({A: "before"}, False),
        ({B: "b"}, False),
        ({}, True),
        ({C: "c"}, True),
    ],
)
def test_rules_meant_for_pods_that_are_gone_do_not_come_back(
    meant: dict[str, str], kept: bool
) -> None:
    said = Said(Action.DENY, {rule(A, B): meant})

    assert bool(restored(said, {A: Owner("x", "a")}, set())) is kept


def test_rules_that_name_an_address_of_a_gone_pod_do_not_come_back() -> None:
    said = Said(Action.DENY, {rule(A, "*"): {}, rule(B, "*"): {}, rule(C, "*"): {}})

    elements = restored(said, {A: owner("a")}, {A, B})

    assert {element["source"] for element in elements} == {A, C}


def test_what_verefoo_has_no_word_for_is_not_told() -> None:
    assert restored(Said(Action.DENY, {rule("*", "*", Protocol.SCTP): {}}), {}, set()) == []


def test_a_firewall_is_born_again_with_what_it_said_last() -> None:
    pods = {A: owner("a")}
    said = {FIREWALL: Said(Action.ALLOW, {rule(A, B): {}}), "10.0.0.9": Said(Action.DENY, {})}

    born = reborn(star(pods), said, pods, set())

    function = born.nodes[FIREWALL].configuration["firewall"]
    assert function["defaultAction"] == "ALLOW"
    assert [(each["source"], each["destination"]) for each in function["elements"]] == [(A, B)]
    assert {**born.nodes, FIREWALL: None} == {**star(pods).nodes, FIREWALL: None}


@pytest.mark.parametrize(
    ("nodes", "ours"),
    [
        ([], True),
        ([{"name": FIREWALL, "functionalType": "FIREWALL"}], True),
        ([host(A, "local/default/a")], True),
        ([host(A, "somebody's")], False),
        ([{"name": "10.9.0.1", "functionalType": "FIREWALL"}], False),
    ],
)
def test_a_graph_with_other_peoples_nodes_only_is_not_ours(
    nodes: list[dict[str, Any]], ours: bool
) -> None:
    state: GraphState = parse_graph(
        {"id": 0, "node": [{"id": n, **node} for n, node in enumerate(nodes)]}
    )

    assert may_be_ours(state, Star(FIREWALL).is_ours(state)) is ours
