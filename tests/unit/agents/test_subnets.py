"""A cluster that is one node: the graph has its subnet, and none of its pods."""

from __future__ import annotations

import pytest

from streams.graph.distributed import Distributed
from streams.graph.placements import Placement
from streams.graph.star import Star
from streams.records.facts import GraphFact, PodClaim
from streams.records.marks import Stamp
from streams.records.views import PodRef
from tests.unit.agents.graph_world import GRAPH, GraphWorld, rule, said

A, C, D = "10.1.0.1", "10.2.0.1", "10.2.0.2"
NET = "10.2.-1.-1"
WHOLE = {"far": NET}
PLACEMENTS = [Star(), Distributed(), Distributed(hub=True)]


def far(world: GraphWorld, name: str, address: str, live: bool = True) -> None:
    """Hear that a pod of the other cluster claims an address, or is gone."""
    pod = PodRef(cluster="far", namespace="default", name=name, uid=name, address=address)
    since = Stamp(lease=1, n=world.offset + 1)
    claim = PodClaim(pod=pod, live=live, rev=world.offset, since=since)
    world.hear(GraphFact(graph=GRAPH, claim=claim))


async def one_and_far(placement: Placement = PLACEMENTS[0], **keeping: object) -> GraphWorld:
    """Return a world with a pod here and one there, with nothing left to do."""
    world = GraphWorld(placement=placement, **keeping)
    world.claim("a", A)
    far(world, "c", C)
    world.list_all()
    await world.rest()
    world.clear()
    return world


def hosts(world: GraphWorld) -> dict[str, str]:
    """Return what each end host is called, by its name in the graph."""
    return {node.name: node.mark[0] for node in world.state().nodes if node.bears_our_name}


@pytest.mark.parametrize("placement", PLACEMENTS, ids=["star", "mesh", "hub"])
async def test_the_graph_has_one_node_for_all_its_pods_and_follows_none_of_them(
    placement: Placement,
) -> None:
    world = await one_and_far(placement, subnets=WHOLE)
    assert hosts(world) == {A: "local/default/a", NET: "far/*/*"}
    assert all(node.neighbours for node in world.state().nodes)

    far(world, "d", D)
    far(world, "c", C, live=False)
    await world.rest()

    assert world.writes == 0
    assert world.keeper.aligned


async def test_a_rule_about_it_is_told_as_it_stands_and_outlives_its_pods() -> None:
    world = await one_and_far(subnets=WHOLE)
    world.rule(rule(A, NET))
    await world.rest()
    assert said(world.changes()) == [("added", A, NET)]
    world.clear()

    far(world, "c", C, live=False)
    await world.rest()
    world.restart()
    await world.rest()

    assert said(world.changes()) == []
    assert world.elements() == [rule(A, NET)]


async def test_who_becomes_one_node_takes_the_rules_along_that_name_its_pods() -> None:
    world = await one_and_far()
    world.rule(rule(A, C), rule(A, A))
    await world.rest()
    world.clear()

    world.restart(subnets=WHOLE)
    await world.rest()

    assert hosts(world).keys() == {A, NET}
    assert said(world.changes()) == [("removed", A, C)]
    assert world.elements() == [rule(A, A)]


async def test_who_is_pods_again_takes_the_rules_along_that_name_the_whole() -> None:
    world = await one_and_far(subnets=WHOLE)
    world.rule(rule(A, NET), rule(NET, A))
    await world.rest()
    world.clear()

    world.restart(subnets={})
    await world.rest()

    assert hosts(world).keys() == {A, C}
    assert sorted(said(world.changes())) == [("removed", A, NET), ("removed", NET, A)]
