"""Which edits it takes, and which it must not take."""

from __future__ import annotations

from typing import Any

import pytest

from streams.graph.alignment import align
from streams.graph.edits import AddNode, SetRules
from streams.graph.model import GraphState
from streams.graph.wanted import Owner
from tests.unit.graph.interpreter import FIREWALL, MemoryGraph, kinds, owner, rule, shape, star

A, B, C, NOBODY = "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.99"
PODS = {A: owner("a"), B: owner("b"), C: owner("c")}


@pytest.fixture
def graph() -> MemoryGraph:
    graph = MemoryGraph()
    graph.hold(PODS)
    return graph


def without(*addresses: str) -> dict[str, Any]:
    return {address: pod for address, pod in PODS.items() if address not in addresses}


def test_an_empty_graph_becomes_a_star(graph: MemoryGraph) -> None:
    middle = ("10.0.0.1", "FIREWALL", (FIREWALL, "star"), frozenset(PODS))

    leaves = {
        (address, "ENDHOST", (f"c/shop/{name}", "u1"), frozenset({FIREWALL}))
        for address, name in zip(PODS, "abc", strict=True)
    }
    assert shape(graph.state) == {middle, *leaves}


def test_a_firewall_is_born_denying() -> None:
    edit = MemoryGraph().hold(PODS)[0]

    assert isinstance(edit, AddNode)
    assert edit.node.configuration["firewall"] == {"defaultAction": "DENY", "elements": []}


def test_an_aligned_graph_takes_no_edits(graph: MemoryGraph) -> None:
    assert graph.hold(PODS) == []


def test_a_pod_that_comes_takes_two_writes(graph: MemoryGraph) -> None:
    edits = graph.hold({**PODS, "10.1.0.4": owner("d")})

    assert kinds(edits) == ["AddNode", "AddNeighbour"]


def test_a_pod_that_goes_takes_two_writes_if_no_rule_names_it(graph: MemoryGraph) -> None:
    assert kinds(graph.hold(without(A))) == ["RemoveNeighbour", "RemoveNode"]


def test_a_pod_that_goes_takes_its_rules_with_it(graph: MemoryGraph) -> None:
    graph.rule(rule(A, B), rule(B, C), rule(C, A), rule("*", B), rule("10.1.0.-1", C))

    edits = graph.hold(without(A))

    assert kinds(edits) == ["SetRules", "RemoveNeighbour", "RemoveNode"]
    assert isinstance(edits[0], SetRules)
    assert list(edits[0].removed) == [rule(A, B), rule(C, A)]
    said = [{k: v for k, v in each.items() if v is not None} for each in graph.rules()]
    assert [(each["source"], each["destination"]) for each in said] == [
        (B, C),
        ("*", B),
        ("10.1.0.-1", C),
    ]
    assert edits[0].remaining == said


def test_several_that_go_share_one_change_of_rules(graph: MemoryGraph) -> None:
    graph.rule(rule(A, B), rule(B, C))

    edits = graph.hold(without(A, C))

    assert kinds(edits) == ["SetRules"] + ["RemoveNeighbour"] * 2 + ["RemoveNode"] * 2
    assert graph.rules() == []


def test_rules_that_name_nobody_yet_stay(graph: MemoryGraph) -> None:
    graph.rule(rule(NOBODY, B), rule(A, B))

    graph.hold(without(A))

    assert [each["source"] for each in graph.rules()] == [NOBODY]


def test_a_change_of_rules_keeps_the_rest_of_the_configuration(graph: MemoryGraph) -> None:
    graph.rule(rule(A, B))
    firewall = next(node for node in graph.nodes.values() if node["name"] == FIREWALL)
    firewall["configuration"] |= {"name": "string", "nat": None}
    firewall["configuration"]["firewall"]["defaultAction"] = "ALLOW"

    edits = graph.hold(without(A))

    assert isinstance(edits[0], SetRules)
    assert edits[0].configuration == {
        "name": "string",
        "description": "star",
        "firewall": {"defaultAction": "ALLOW", "elements": []},
    }


@pytest.mark.parametrize("other", [owner("new"), owner("a", uid="u2")])
def test_who_takes_over_an_address_inherits_no_rules(graph: MemoryGraph, other: Any) -> None:
    graph.rule(rule(A, B), rule(B, C))

    edits = graph.hold({**PODS, A: other})

    assert kinds(edits) == ["SetRules", "RemoveNode", "AddNode"]
    assert [each["source"] for each in graph.rules()] == [B]
    assert (A, "ENDHOST", other, frozenset({FIREWALL})) in shape(graph.state)


def test_nodes_that_others_added_are_left_alone(graph: MemoryGraph) -> None:
    graph.add({"name": "20.0.0.1", "functionalType": "FIREWALL"})
    graph.add({"name": "30.0.0.1"})
    graph.add({"name": "30.0.0.2", "functionalType": "WEBSERVER", "neighbour": [{"name": "x"}]})
    graph.add({"name": "30.0.0.3", "functionalType": "ENDHOST", "configuration": {"name": "mine"}})

    assert graph.hold(PODS) == []


def test_an_edge_from_somebody_elses_node_goes_with_the_pod(graph: MemoryGraph) -> None:
    graph.add({"name": "nat", "functionalType": "NAT", "neighbour": [{"name": A}, {"name": B}]})

    edits = graph.hold(without(A))

    assert kinds(edits) == ["RemoveNeighbour", "RemoveNeighbour", "RemoveNode"]
    nat = next(node for node in graph.state.nodes if node.name == "nat")
    assert [neighbour.name for neighbour in nat.neighbours] == [B]


@pytest.mark.parametrize("configuration", [None, {}, {"name": None}, {"name": ""}])
def test_a_host_without_a_mark_is_taken_for_the_pod(configuration: Any) -> None:
    graph = MemoryGraph()
    host = {"name": A, "functionalType": "ENDHOST", "configuration": configuration}
    graph.add(host | {"neighbour": [{"name": FIREWALL}]})

    assert kinds(graph.hold({A: owner("a")})) == ["AddNode"]
    assert kinds(graph.hold({})) == ["RemoveNeighbour", "RemoveNode"]


def test_a_host_with_another_name_is_replaced(graph: MemoryGraph) -> None:
    graph.add({"name": NOBODY, "functionalType": "ENDHOST", "configuration": {"name": "printer"}})

    edits = graph.hold({**PODS, NOBODY: owner("d")})

    assert kinds(edits) == ["RemoveNode", "AddNode", "AddNeighbour"]


@pytest.mark.row("R10")
def test_duplicates_and_dangling_edges_are_cleaned(graph: MemoryGraph) -> None:
    clean = shape(graph.state)
    firewall = next(node for node in graph.nodes.values() if node["name"] == FIREWALL)
    firewall["neighbour"] += [{"id": 901, "name": A}, {"id": 902, "name": NOBODY}]
    graph.add(next(node for node in graph.nodes.values() if node["name"] == A))

    edits = graph.hold(PODS)

    assert kinds(edits) == ["RemoveNeighbour", "RemoveNeighbour", "RemoveNode"]
    assert shape(graph.state) == clean
    assert len(graph.nodes) == len(clean)


@pytest.mark.row("R10")
def test_of_two_firewalls_the_one_with_rules_stays(graph: MemoryGraph) -> None:
    graph.rule(rule(A, B))
    bare = {"defaultAction": "DENY", "elements": []}
    firewall = {"name": FIREWALL, "functionalType": "FIREWALL"}
    nid = graph.add(firewall | {"configuration": {"name": "x", "firewall": bare}})

    edits = graph.hold(PODS)

    assert kinds(edits) == ["RemoveNode"]
    assert nid not in graph.nodes


@pytest.mark.parametrize("configuration", [None, {}, {"name": "x", "nat": {"source": []}}])
def test_a_firewall_that_could_take_no_rules_is_replaced(configuration: Any) -> None:
    graph = MemoryGraph()
    firewall = {"name": FIREWALL, "functionalType": "FIREWALL", "configuration": configuration}
    graph.add(firewall)

    assert kinds(graph.hold({})) == ["RemoveNode", "AddNode"]
    assert graph.hold({}) == []


def test_a_lost_edge_is_put_back(graph: MemoryGraph) -> None:
    for node in graph.nodes.values():
        node["neighbour"] = []

    assert kinds(graph.hold(PODS)) == ["AddNeighbour"] * 6
    assert graph.hold(PODS) == []


def test_a_graph_without_pods_is_a_firewall_alone() -> None:
    graph = MemoryGraph()

    graph.hold({})

    assert [node.name for node in graph.state.nodes] == [FIREWALL]


def test_an_edit_order_stopped_anywhere_can_be_taken_up_again(graph: MemoryGraph) -> None:
    graph.rule(rule(A, B), rule(B, C), rule(NOBODY, C))
    goal = {**without(A), B: owner("b", uid="u2"), "10.1.0.4": owner("d")}
    aim = star(goal)

    for _ in range(50):
        edits = align(graph.state, aim)
        if not edits:
            break
        graph.do(edits[0])

    assert _shape_of(goal) == shape(graph.state)
    assert [each["source"] for each in graph.rules()] == [NOBODY]


def _shape_of(pods: Any) -> Any:
    fresh = MemoryGraph()
    fresh.hold(pods)
    return shape(fresh.state)


def test_a_state_without_nodes_has_no_firewall() -> None:
    assert GraphState(0, ()).firewall(FIREWALL) is None


def test_a_node_that_stands_for_an_identity_goes_with_it_and_other_hosts_stay(
    graph: MemoryGraph,
) -> None:
    web = Owner("c/shop/Deployment/web", "identity-1-7")
    graph.hold({**PODS, NOBODY: web})
    graph.add({"name": "10.1.0.98", "functionalType": "ENDHOST", "configuration": {"name": "x/y"}})

    assert kinds(graph.hold(PODS)) == ["RemoveNeighbour", "RemoveNode"]
    assert {node.name for node in graph.state.nodes} == {FIREWALL, *PODS, "10.1.0.98"}
