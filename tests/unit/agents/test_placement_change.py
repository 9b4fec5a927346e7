"""Another placement, while it runs: at every moment what was told allows the same flows."""

from __future__ import annotations

import asyncio
import random
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.graph.distributed import Distributed
from streams.graph.placements import Placement
from streams.graph.star import Star
from streams.records.facts import FirewallChange
from streams.records.rules import Rule
from streams.rules.verdict import Reading
from tests.e2e.test_rules import random_rules
from tests.unit.agents.graph_world import FIREWALL, GraphWorld, rule, said
from tests.unit.rules.brute_force import Packet, packets, passes

A, B, C = PODS = ("10.244.7.1", "10.244.7.2", "10.244.7.3")
UIDS = {A: "a-1", B: "b-1", C: "c-1"}
MESH, HUB, STAR = Distributed(), Distributed(hub=True), Star()
FRONTS = {"10.0.0.0", "10.0.0.2", "10.0.0.3"}
Flow = tuple[str, str, Packet]


class Told:
    """What was said so far, list by list, as the router hears it."""

    def __init__(self, reading: Reading) -> None:
        self.lists: dict[str, set[Rule]] = {}
        self.owners: dict[str, str] = {}
        self._reading = reading

    def hear(self, change: FirewallChange) -> None:
        mine = self.lists.setdefault(change.firewall, set())
        self.owners[change.firewall] = change.owner or ""
        if change.gone:
            del self.lists[change.firewall]
            return
        assert change.default_action != "ALLOW"
        mine -= set(change.removed)
        mine |= set(change.added)

    def allows(self, flow: Flow) -> bool:
        letting = {
            name for name, each in self.lists.items() if passes(list(each), "DENY", False, *flow)
        }
        if self._reading is Reading.ANY_END:
            return bool(letting)
        return all(letting & self._before(address) for address in flow[:2])

    def _before(self, address: str) -> set[str]:
        uid = UIDS[address]
        own = sorted(name for name, owner in self.owners.items() if owner == uid)
        return set(own[:1]) or {name for name in self.lists if not self.owners[name]}


async def a_world(rules: list[dict[str, Any]], reading: Reading = Reading.ANY_END) -> GraphWorld:
    world = GraphWorld(placement=STAR, reading=reading)
    for name, address in zip("abc", PODS, strict=True):
        world.claim(name, address)
    world.list_all()
    await world.rest()
    world.rule(*rules)
    await world.rest()
    return world


async def turn(world: GraphWorld, placement: Placement, chance: random.Random) -> None:
    """Change the placement; keepers die now and then on the way."""
    world.restart(placement=placement)
    for _ in range(40):
        if chance.random() < 0.3:
            world.restart()
        await world.keeper.step()
        if chance.random() < 0.5:
            world.settle()
    await world.rest()
    await world.rest()


def flows_of(rules: list[Rule]) -> list[Flow]:
    return [(*pair, packet) for pair in permutations(PODS, 2) for packet in packets(rules)]


def firewalls(world: GraphWorld) -> set[str]:
    return {node.name for node in world.state().nodes if node.functional_type == "FIREWALL"}


def hubs(world: GraphWorld) -> list[str]:
    return [node.name for node in world.state().nodes if node.functional_type == "FORWARDER"]


def said_by(world: GraphWorld) -> list[str]:
    """Return the firewalls that the table remembers."""
    return [row.default.firewall for row in world.rows.values() if row.default]


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.sampled_from(Reading))
def test_there_and_back_again_nothing_else_is_ever_allowed(
    chance: random.Random, reading: Reading
) -> None:
    async def play() -> None:
        told = random_rules(chance, list(PODS))
        rules = [Rule.model_validate(each) for each in told]
        world = await a_world(told, reading)
        flows = flows_of(rules)
        wanted = [passes(rules, "DENY", False, *flow) for flow in flows]
        seen = 0
        heard = Told(reading)
        for placement in (MESH, HUB, STAR, HUB, STAR):
            await turn(world, placement, chance)
            for change in world.changes()[seen:]:
                heard.hear(change)
                seen += 1
                belongs = change.change_set
                if belongs is not None and belongs.part < belongs.of:
                    continue
                if any(heard.lists.values()) or not any(wanted):
                    assert [heard.allows(flow) for flow in flows] == wanted
            assert firewalls(world) == ({FIREWALL} if placement is STAR else FRONTS)
            assert hubs(world) == (["10.0.15.255"] if placement is HUB else [])
            assert set(said_by(world)) == firewalls(world)
            assert world.keeper.last_error == ""
            assert world.keeper.aligned

    asyncio.run(play())


@pytest.mark.parametrize("placement", [MESH, HUB], ids=["mesh", "hub"])
async def test_a_stars_rules_stand_on_the_firewalls_of_their_ends(placement: Placement) -> None:
    world = await a_world([rule(A, B), rule("*", C, "443")])

    await turn(world, placement, random.Random(1))

    ends = {
        name: sorted((each["source"], each["destination"]) for each in world.elements(name))
        for name in firewalls(world)
    }
    assert ends == {
        "10.0.0.0": [("*", C), (A, B)],
        "10.0.0.2": [("*", C), (A, B)],
        "10.0.0.3": [("*", C)],
    }


async def test_a_rule_that_is_taken_from_the_star_meanwhile_is_gone_everywhere() -> None:
    world = await a_world([rule(A, B), rule(B, C)])
    world.restart(placement=MESH)
    # The new firewalls are born with the rules; the star is still there.
    await world.keeper.step()
    assert FIREWALL in firewalls(world)
    world.rule(rule(B, C))

    await world.rest()
    await world.rest()

    assert FIREWALL not in firewalls(world)
    said = {
        (e["source"], e["destination"]) for name in firewalls(world) for e in world.elements(name)
    }
    assert said == {(B, C)}


async def test_a_rule_that_comes_to_the_star_meanwhile_is_moved_as_well() -> None:
    world = await a_world([rule(A, B)])
    world.restart(placement=MESH)
    await world.keeper.step()
    world.rule(rule(A, B), rule(B, C))

    await world.rest()
    await world.rest()

    assert FIREWALL not in firewalls(world)
    assert [e["destination"] for e in world.elements("10.0.0.3")] == [C]


async def test_rules_that_one_list_cannot_say_stay_where_they_are_and_it_is_said() -> None:
    world = await a_world([rule(A, B)])
    await turn(world, MESH, random.Random(2))
    world.rule(rule(A, "*", action="DENY"), firewall="10.0.0.3")
    await world.rest()
    before = firewalls(world)

    await turn(world, STAR, random.Random(3))

    assert "would take from" in world.keeper.last_error
    assert firewalls(world) == before | {FIREWALL}
    assert world.keeper.aligned

    world.rule(firewall="10.0.0.3")
    await world.rest()
    await world.rest()
    assert firewalls(world) == {FIREWALL}
    assert world.keeper.last_error == ""


async def test_what_stands_on_one_end_only_stays_there_where_every_hop_counts() -> None:
    world = await a_world([rule(A, B)], Reading.EVERY_HOP)
    await turn(world, MESH, random.Random(2))
    world.rule(rule(A, C), firewall="10.0.0.3")
    await world.rest()

    await turn(world, STAR, random.Random(3))

    assert "stands on 10.0.0.3, not on 10.0.0.0" in world.keeper.last_error
    assert {row.default.owner for row in world.rows.values() if row.default} == {"", *UIDS.values()}


async def test_before_all_pods_are_known_no_firewall_is_taken_from_its_pod() -> None:
    world = await a_world([rule(A, B)], Reading.EVERY_HOP)
    await turn(world, MESH, random.Random(2))
    world.rule(rule(A, C), firewall="10.0.0.3")
    await world.rest()
    world.clear()
    # A listing that is not complete yet, as after topics were made anew.
    del world.rows["main|"]

    world.restart(placement=STAR)
    await world.rest()

    assert [change.owner for change in world.changes()] == [""]
    assert [change.firewall for change in world.changes()] == [FIREWALL]


async def test_a_star_that_lets_everything_through_stays() -> None:
    world = GraphWorld(placement=STAR, default_allow=True)
    world.checks = world.checks._replace(default_allow=True)
    world.claim("a", A)
    world.claim("b", B)
    world.list_all()
    await world.rest()
    world.rule(default="ALLOW")
    await world.rest()

    await turn(world, MESH, random.Random(4))

    assert FIREWALL in firewalls(world)
    assert "let everything through" in world.keeper.last_error


async def test_a_star_of_one_pod_becomes_its_own_firewall() -> None:
    world = GraphWorld(placement=STAR)
    world.claim("a", A)
    world.list_all()
    await world.rest()
    world.rule(rule(A, B))
    await world.rest()
    world.clear()

    await turn(world, MESH, random.Random(7))

    assert firewalls(world) == {FIREWALL}
    assert [(change.owner, said([change])) for change in world.changes()] == [("a-1", [])]
    assert [row.place.uid for row in world.rows.values() if row.place] == ["a-1"]


async def test_without_pods_a_stars_rules_wait_for_the_first() -> None:
    world = GraphWorld(placement=STAR)
    world.list_all()
    await world.rest()
    world.rule(rule(A, B))
    await world.rest()
    await turn(world, MESH, random.Random(5))
    assert firewalls(world) == {FIREWALL}
    assert "stay until there is a pod" in world.keeper.last_error

    world.claim("c", C)
    await world.rest()
    await world.rest()

    assert firewalls(world) == {"10.0.0.0"}
    assert [e["source"] for e in world.elements("10.0.0.0")] == [A]


async def test_a_pod_that_goes_meanwhile_takes_its_rules_with_it() -> None:
    world = await a_world([rule(A, B), rule(B, C)])
    await turn(world, MESH, random.Random(6))
    world.claim("a", A, live=False)
    world.restart(placement=STAR)

    for _ in range(3):
        await world.rest()

    assert firewalls(world) == {FIREWALL}
    assert [e["source"] for e in world.elements()] == [B]
    assert not [row for row in world.rows.values() if row.place]
