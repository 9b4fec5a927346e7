"""A firewall before every pod: who gets which, how they are joined, and what that costs."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.graph.distributed import RESERVED, Distributed
from streams.graph.model import GraphState, Node
from streams.graph.wanted import Owner
from tests.unit.graph.interpreter import MemoryGraph, kinds, owner, rule, star

A, B, C, D = (f"10.1.0.{last}" for last in range(1, 5))
PODS = {A: owner("a", uid="a"), B: owner("b", uid="b"), C: owner("c", uid="c")}
NEW = {**PODS, D: owner("d", uid="d")}
MESH, HUB = Distributed(), Distributed(hub=True)
EMPTY = GraphState(0, ())
BOTH = pytest.mark.parametrize("placement", [MESH, HUB], ids=["mesh", "hub"])

Pods = dict[str, Owner]


class Placed:
    """A graph of one placement, and what was given away in it."""

    def __init__(self, placement: Distributed) -> None:
        self.placement = placement
        self.graph = MemoryGraph()
        self.places: dict[str, str] = {}

    def hold(self, pods: Pods) -> list[str]:
        """Hold these pods; return the kinds of the edits it took."""
        self.places |= self.placement.assign(pods, self.places, self.graph.state)
        edits = self.graph.become(self.placement.wanted(pods, self.places))
        kept = self.placement.firewalls(pods, self.places)
        self.places = {name: uid for name, uid in self.places.items() if name in kept}
        return kinds(edits)

    def node(self, name: str) -> Node:
        (found,) = [node for node in self.graph.state.nodes if node.name == name]
        return found

    def edges(self) -> set[tuple[str, str]]:
        nodes = self.graph.state.nodes
        return {(node.name, each.name) for node in nodes for each in node.neighbours}


def placed(placement: Distributed, pods: Pods = PODS) -> Placed:
    world = Placed(placement)
    world.hold(pods)
    return world


def both_ways(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    return {pair for one, two in pairs for pair in ((one, two), (two, one))}


def test_each_pod_gets_the_lowest_free_address_from_the_base_on() -> None:
    assert MESH.assign(PODS, {}, EMPTY) == {"10.0.0.0": "a", "10.0.0.1": "b", "10.0.0.2": "c"}
    assert MESH.assign(NEW, {"10.0.0.0": "a", "10.0.0.2": "c"}, EMPTY) == {
        "10.0.0.1": "b",
        "10.0.0.3": "d",
    }


def test_an_address_that_a_pod_or_some_node_has_is_not_given_away() -> None:
    pods = {"10.0.0.0": owner("x", uid="x"), **PODS}
    graph = MemoryGraph()
    graph.add({"name": "10.0.0.1", "functionalType": "NAT"})

    given = MESH.assign(pods, {}, graph.state)

    assert sorted(given) == ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"]


def test_in_a_mesh_all_firewalls_are_joined_to_each_other() -> None:
    world = placed(MESH)

    fronts = both_ways([("10.0.0.0", A), ("10.0.0.1", B), ("10.0.0.2", C)])
    names = sorted(world.places)
    assert world.edges() == fronts | {(one, two) for one in names for two in names if one != two}


def test_around_a_hub_each_firewall_is_joined_to_the_forwarder_alone() -> None:
    world = placed(HUB)

    fronts = both_ways([("10.0.0.0", A), ("10.0.0.1", B), ("10.0.0.2", C)])
    assert world.edges() == fronts | both_ways((name, "10.0.15.255") for name in world.places)
    assert world.node("10.0.15.255").functional_type == "FORWARDER"


@BOTH
def test_an_aligned_graph_takes_no_edits(placement: Distributed) -> None:
    assert placed(placement).hold(PODS) == []


def test_a_pod_that_comes_into_a_mesh_takes_a_call_per_other_firewall_and_two() -> None:
    assert placed(MESH).hold(NEW) == ["AddNode"] * 2 + ["AddNeighbour"] * 3


def test_a_pod_that_comes_to_a_hub_takes_three_calls_whatever_their_number() -> None:
    assert placed(HUB).hold(NEW) == ["AddNode"] * 2 + ["AddNeighbour"]


@BOTH
def test_a_pod_that_goes_takes_its_firewall_along(placement: Distributed) -> None:
    world = placed(placement)

    edits = world.hold({A: PODS[A], C: PODS[C]})

    joined = 1 if placement.hub else 2
    assert edits == ["RemoveNeighbour"] * joined + ["RemoveNode"] * 2
    assert "10.0.0.1" not in {name for edge in world.edges() for name in edge}
    assert world.hold(PODS)[:2] == ["AddNode", "AddNode"]
    assert world.places["10.0.0.1"] == "b"


def test_rules_that_name_a_pod_that_goes_leave_all_other_firewalls() -> None:
    world = placed(MESH)
    for name in ("10.0.0.0", "10.0.0.1", "10.0.0.2"):
        told = next(node for node in world.graph.nodes.values() if node["name"] == name)
        told["configuration"]["firewall"]["elements"] = [rule(A, B), rule(C, A), rule("*", C)]

    world.hold({A: PODS[A], C: PODS[C]})

    for name in ("10.0.0.0", "10.0.0.2"):
        ends = [(each["source"], each["destination"]) for each in world.node(name).elements]
        assert ends == [(C, A), ("*", C)]


@BOTH
def test_above_the_limit_a_pod_stands_alone_and_it_is_said_why(placement: Distributed) -> None:
    few = Distributed(hub=placement.hub, mesh_limit=3)
    world = placed(few, NEW)

    refusal = few.refusal(NEW, world.places)

    if placement.hub:
        assert refusal == ""
        return
    assert refusal.startswith("1 pods without a firewall: a mesh joins at most 3")
    assert world.node(D).neighbours == ()
    world.hold({address: NEW[address] for address in (A, B, D)})
    assert few.refusal({address: NEW[address] for address in (A, B, D)}, world.places) == ""
    assert len(world.node(D).neighbours) == 1


@BOTH
def test_what_was_given_away_is_read_off_the_graph_if_it_was_forgotten(
    placement: Distributed,
) -> None:
    world = placed(placement)
    before = dict(world.places)
    world.places = {}

    assert world.hold(PODS) == []
    assert world.places == before


def test_the_firewall_of_a_star_is_nobodys_own() -> None:
    graph = MemoryGraph()
    graph.become(star(PODS))

    assert sorted(MESH.assign(PODS, {}, graph.state)) == ["10.0.0.0", "10.0.0.2", "10.0.0.3"]


def test_of_two_firewalls_before_one_pod_the_lowest_stays() -> None:
    world = placed(MESH)
    graph = MESH.wanted(PODS, {**world.places, "10.0.0.9": "b"})

    assert "10.0.0.9" in graph.unwanted
    assert graph.nodes == MESH.wanted(PODS, world.places).nodes


@pytest.mark.parametrize(("one", "other"), [(MESH, HUB), (HUB, MESH)], ids=["to hub", "to mesh"])
def test_another_wiring_leaves_only_its_own_edges(one: Distributed, other: Distributed) -> None:
    world = placed(one)
    world.placement = other

    world.hold(PODS)

    assert world.edges() == placed(other).edges()
    assert world.hold(PODS) == []


def test_the_range_ends_where_it_says() -> None:
    assert "10.0.15.255" in MESH.reserved
    assert "10.0.16.0" not in MESH.reserved
    assert len(MESH.reserved) == RESERVED


moments = st.dictionaries(
    st.sampled_from([A, B, C, D]),
    st.sampled_from("abcd").map(lambda name: owner(name, uid=name)),
).filter(lambda pods: len({pod.uid for pod in pods.values()}) == len(pods))


@given(st.lists(moments, min_size=1, max_size=8), st.booleans())
def test_whatever_came_and_went_the_end_is_whole_and_nothing_is_left(
    walk: list[Pods], hub: bool
) -> None:
    world = Placed(Distributed(hub=hub))
    for pods in walk:
        world.hold(pods)
        assert world.hold(pods) == []
        assert sorted(world.places.values()) == sorted(pod.uid for pod in pods.values())

    nodes = world.graph.state.nodes
    assert len(nodes) == 2 * len(walk[-1]) + hub
    assert {name for edge in world.edges() for name in edge} <= {node.name for node in nodes}
