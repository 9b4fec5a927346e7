"""A graph with a firewall before every pod is kept, and what each of them says is told."""

from __future__ import annotations

from typing import Any

import pytest

from streams.graph.distributed import Distributed
from streams.records.facts import GraphFact, Place
from tests.unit.agents.graph_world import GRAPH, GraphWorld, rule, said

A, B, C, D = "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"
FA, FB, FC = "10.0.0.0", "10.0.0.1", "10.0.0.2"


@pytest.fixture(params=[False, True], ids=["mesh", "hub"])
async def world(request: pytest.FixtureRequest) -> GraphWorld:
    """Three pods behind their firewalls, b→c on b's, and nothing left to do."""
    world = GraphWorld(placement=Distributed(hub=request.param))
    for name, address in (("a", A), ("b", B), ("c", C)):
        world.claim(name, address)
    world.list_all()
    await world.rest()
    world.rule(rule(B, C), firewall=FB)
    await world.rest()
    world.clear()
    return world


def firewall_of(world: GraphWorld, address: str) -> str:
    (node,) = [node for node in world.state().nodes if node.name == address]
    (neighbour,) = node.neighbours
    return neighbour.name


def places(world: GraphWorld) -> dict[str, str]:
    return {row.place.firewall: row.place.uid for row in world.rows.values() if row.place}


async def test_each_pod_stands_behind_a_firewall_of_its_own(world: GraphWorld) -> None:
    assert {each: firewall_of(world, each) for each in (A, B, C)} == {A: FA, B: FB, C: FC}
    assert places(world) == {FA: "a-1", FB: "b-1", FC: "c-1"}
    assert world.keeper.aligned


@pytest.mark.count("C2")
@pytest.mark.parametrize("pods", [1, 5, 9])
async def test_a_pod_in_a_mesh_of_n_takes_at_most_n_and_one_writes_around_a_hub_three(
    pods: int,
) -> None:
    writes = {}
    for hub in (False, True):
        world = GraphWorld(placement=Distributed(hub=hub))
        for number in range(1, pods):
            world.claim(f"pod-{number}", f"10.1.1.{number}")
        world.list_all()
        await world.rest()
        world.clear()

        world.claim("d", D)
        await world.rest()

        writes[hub] = world.writes

    assert writes == {False: pods + 1, True: 3}


async def test_an_unchanged_world_and_a_restart_write_nothing(world: GraphWorld) -> None:
    await world.rest()
    world.restart()
    await world.rest()

    assert world.writes == 0
    assert world.changes() == []


async def test_a_rule_on_any_firewall_is_told_with_the_firewalls_name(world: GraphWorld) -> None:
    world.rule(rule(A, B), firewall=FC)

    await world.rest()

    (change,) = world.changes()
    assert (change.firewall, said([change])) == (FC, [("added", A, B)])
    assert change.holders == {A: "a-1", B: "b-1"}


async def test_with_a_pod_goes_its_firewall_and_all_it_said(world: GraphWorld) -> None:
    world.rule(rule(B, C), rule(A, C), firewall=FB)
    world.rule(rule(A, B), rule(A, C), firewall=FA)
    await world.rest()
    world.clear()
    world.claim("b", B, live=False)

    await world.rest()

    changes = world.changes()
    assert [(each.firewall, each.gone) for each in changes] == [(FA, False), (FB, True)]
    assert said(changes) == [("removed", A, B)]
    assert world.pods() & {B, FB} == set()
    assert places(world) == {FA: "a-1", FC: "c-1"}
    assert not [key for key in world.rows if key.startswith(f"{GRAPH}|rule|{FB}|")]


async def test_who_gets_a_firewalls_name_next_inherits_none_of_its_rules(
    world: GraphWorld,
) -> None:
    world.claim("b", B, live=False)
    await world.rest()
    world.claim("d", D)

    await world.rest()

    assert firewall_of(world, D) == FB
    assert world.elements(FB) == []


async def test_a_name_is_not_given_away_while_its_rules_are_remembered(world: GraphWorld) -> None:
    # Both are heard at once: the old firewall is there still.
    world.claim("b", B, live=False)
    world.claim("d", D)

    await world.rest()
    await world.rest()

    assert world.elements(firewall_of(world, D)) == []
    assert said(world.changes()) == []
    assert [each.firewall for each in world.changes() if each.gone] == [FB]


async def test_a_pod_reborn_at_its_address_gets_a_firewall_without_rules(
    world: GraphWorld,
) -> None:
    world.claim("b", B, uid="b-2")

    await world.rest()

    assert world.elements(firewall_of(world, B)) == []
    assert "b-1" not in places(world).values()


async def test_a_firewall_that_somebody_deleted_comes_back_with_its_rules(
    world: GraphWorld,
) -> None:
    (graph,) = world.store.graphs.rows.values()
    graph["node"] = [node for node in graph["node"] if node["name"] != FB]

    await world.rest()

    assert [(each["source"], each["destination"]) for each in world.elements(FB)] == [(B, C)]
    assert firewall_of(world, B) == FB
    assert world.keeper.alarms == 1
    assert world.changes() == []


async def test_a_graph_that_vanished_comes_back_with_everything(world: GraphWorld) -> None:
    world.store.graphs.rows.clear()

    await world.rest()

    assert {each: firewall_of(world, each) for each in (A, B, C)} == {A: FA, B: FB, C: FC}
    assert [(each["source"], each["destination"]) for each in world.elements(FB)] == [(B, C)]
    assert said(world.changes()) == []


async def test_what_was_given_away_is_remembered_over_a_restart_in_between(
    world: GraphWorld,
) -> None:
    # Somebody joined pod-a to pod-b's firewall as well: the graph alone does not tell.
    (graph,) = world.store.graphs.rows.values()
    (node,) = [node for node in graph["node"] if node["name"] == A]
    node["neighbour"] = [{"id": 900, "name": FB}]
    world.restart()

    await world.rest()

    assert {each: firewall_of(world, each) for each in (A, B, C)} == {A: FA, B: FB, C: FC}


async def test_before_all_pods_are_known_nothing_goes(world: GraphWorld) -> None:
    kept: dict[str, Any] = {node.name: node for node in world.state().nodes}
    world.rows.clear()
    world.restart()

    await world.rest()

    assert {node.name for node in world.state().nodes} == kept.keys()
    assert world.elements(FB) != []
    assert not [change for change in world.changes() if change.gone]


async def test_two_who_decided_at_once_leave_one_firewall(world: GraphWorld) -> None:
    late = Place(firewall="10.0.0.7", uid="b-1", session="of an earlier keeper")
    world.hear(GraphFact(graph=GRAPH, place=late))
    world.keeper.wake()

    await world.rest()
    await world.rest()

    assert firewall_of(world, B) == FB
    assert places(world) == {FA: "a-1", FB: "b-1", FC: "c-1"}


async def test_above_the_limit_the_keeper_says_why() -> None:
    world = GraphWorld(placement=Distributed(mesh_limit=2))
    for name, address in (("a", A), ("b", B), ("c", C)):
        world.claim(name, address)
    world.list_all()

    await world.rest()

    assert "1 pods without a firewall: a mesh joins at most 2" in world.keeper.last_error
    assert world.keeper.aligned
    assert len(places(world)) == 2
