"""Whoever begins to keep a graph says first for whom its nodes stand."""

from __future__ import annotations

from typing import Any

import pytest

from agents.clients.errors import ClientError
from deploy.local.verefoo.store import Store
from streams.flow.output import IDENTITY_FACTS
from streams.records.facts import Aliases, Assignment, GraphFact, PodClaim
from streams.records.marks import MarkKind, Stamp
from streams.records.views import Identity, PodRef
from tests.unit.agents.graph_world import FIREWALL, GRAPH, GraphWorld, rule

WEB, SHOP, STRANGER = "198.18.0.1", "198.18.0.2", "10.9.9.9"


def identity(name: str, address: str, live: bool = True, rev: int = 0) -> GraphFact:
    kind, _, plain = name.partition(".")
    pod = PodRef(
        cluster="local",
        namespace="default",
        name=name,
        uid=f"identity-1-{plain}",
        address=address,
        identity=Identity(kind=kind.title(), name=plain),
    )
    return GraphFact(
        graph=GRAPH, claim=PodClaim(pod=pod, live=live, rev=rev, since=Stamp(lease=1, n=1))
    )


@pytest.fixture
async def world() -> GraphWorld:
    """Two identities that are in the graph, a rule between them, and somebody's own end host."""
    world = GraphWorld(identities=True)
    world.hear(identity("deployment.web", WEB))
    world.hear(identity("deployment.shop", SHOP))
    world.list_all()
    await world.rest()
    world.rule(rule(WEB, SHOP))
    (graph,) = world.store.graphs.rows.values()
    theirs = dict(graph["node"][-1]) | {"id": 99, "name": STRANGER, "neighbour": []}
    theirs["configuration"] = {"id": 99, "name": "a router/of theirs", "description": "x"}
    graph["node"].append(theirs)
    await world.rest()
    world.clear()
    return world


def wiped(world: GraphWorld) -> GraphWorld:
    """Return who has that graph of Verefoo, and nothing else."""
    return GraphWorld(world.store, identities=True)


def said(world: GraphWorld) -> list[Any]:
    facts: list[Any] = [sent.value for sent in world.outlet.sent if sent.topic == IDENTITY_FACTS]
    told = [fact for fact in facts if fact.aliases is None]
    return [fact.assigned or (fact.mark.kind, fact.mark.epoch) for fact in told]


def aliases(world: GraphWorld) -> list[Aliases]:
    """Return what was said of addresses of elsewhere."""
    facts: list[Any] = [sent.value for sent in world.outlet.sent if sent.topic == IDENTITY_FACTS]
    return [fact.aliases for fact in facts if fact.aliases is not None]


def broken(*_: Any) -> Any:
    raise ClientError("not now")


ALL = [
    Assignment(address=WEB, name="local/default/Deployment/web", uid="identity-1-web"),
    Assignment(address=SHOP, name="local/default/Deployment/shop", uid="identity-1-shop"),
    (MarkKind.FIREWALLS_READ, 1),
]


async def test_a_node_says_of_which_kind_its_identity_is(world: GraphWorld) -> None:
    marks = {node.name: node.mark for node in world.state().nodes}

    assert marks[WEB] == ("local/default/Deployment/web", "identity-1-web")


async def test_who_has_lost_everything_says_what_the_graph_says_and_removes_nothing(
    world: GraphWorld,
) -> None:
    before, other = world.state(), wiped(world)

    await other.keeper.step()
    assert sorted(said(other)[:2], key=lambda each: each.address) == ALL[:2]
    assert said(other)[2:] == ALL[2:]
    await other.rest()
    assert other.writes == 0

    # All come back as they were: there was nothing to do.
    other.hear(identity("deployment.web", WEB))
    other.hear(identity("deployment.shop", SHOP))
    other.list_all()
    await other.rest()
    assert other.writes == 0
    assert other.state() == before


async def test_it_is_said_before_the_firewalls_are_and_once_for_each_ownership(
    world: GraphWorld,
) -> None:
    for _ in range(2):
        world.clear()
        world.restart()
        await world.rest()
        await world.rest()
        topics = [sent.topic for sent in world.outlet.sent]
        assert topics == [IDENTITY_FACTS] * 4 + ["firewall-changes"]


async def test_before_the_graph_was_read_nothing_is_said(world: GraphWorld) -> None:
    other = wiped(world)
    other.spoil = broken
    with pytest.raises(ClientError):
        await other.keeper.step()
    assert said(other) == []

    other.spoil = None
    await other.rest()
    assert len(said(other)) == 3


async def test_what_the_settings_name_is_said_once_for_each_ownership_before_anything_is_read(
    world: GraphWorld,
) -> None:
    named = {"203.0.113.9": "local/default/Deployment/web"}
    world.clear()
    world.restart(aliases=named)
    world.spoil = broken
    for _ in range(2):
        with pytest.raises(ClientError):
            await world.keeper.step()
    assert aliases(world) == [Aliases(named=named, epoch=1)]

    # Whoever names nobody any more says that as well.
    world.spoil = None
    world.clear()
    world.restart(aliases={})
    await world.rest()
    assert aliases(world) == [Aliases(named={}, epoch=1)]


async def test_who_does_not_keep_the_graph_says_nothing_of_aliases(world: GraphWorld) -> None:
    world.clear()
    world.restart(aliases={"203.0.113.9": "local/default/Deployment/web"})
    world.owned = False

    await world.rest()

    assert aliases(world) == []


async def test_a_graph_made_anew_has_nobody_in_it() -> None:
    world = GraphWorld(Store(), identities=True)

    await world.rest()

    assert said(world) == ALL[2:]
    assert world.pods() == set()


async def test_an_identity_that_ends_leaves_with_its_rules_and_strangers_stay(
    world: GraphWorld,
) -> None:
    world.hear(identity("deployment.shop", SHOP, live=False, rev=9))
    await world.rest()

    assert world.pods() == {WEB, STRANGER}
    assert world.elements(FIREWALL) == []


async def test_where_nodes_are_pods_nothing_of_the_kind_is_said() -> None:
    world = GraphWorld()
    world.claim("a", "10.1.0.1")
    world.list_all()
    await world.rest()
    world.restart()
    await world.rest()

    assert said(world) == []
