"""Real packets get through where the rules in Verefoo say, in the whole local world."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import link_of
from deploy.local.packets.probing import Probe
from streams.records.rules import Rule
from tests.e2e.acting import Actor, acting, until_true
from tests.e2e.conftest import WORLDS
from tests.e2e.test_rules import random_rules
from tests.integration.packets.crowd import arrivals
from tests.real import ALL_PACKETS, needs_packets
from tests.unit.rules.brute_force import Packet, passes

pytestmark = needs_packets

PODS = {f"pod-{number:02d}": f"10.244.7.{number}" for number in range(1, 21)}
FLOWS = [*((each, port) for each in ("TCP", "UDP") for port in (80, 443, 2000)), ("ICMP", 0)]
RULE_SETS = 200 if ALL_PACKETS else 3
PAIRS = list(permutations(PODS, 2))

Flow = tuple[str, int]
Flows = dict[tuple[str, str, Flow], bool]


@pytest.fixture(params=WORLDS)
async def actor(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Actor]:
    async with acting(tmp_path, workers=1, packets=True, **request.param) as actor:
        yield actor


@pytest.mark.timeout(3600)
async def test_packets_get_through_where_the_rules_say(actor: Actor) -> None:
    await actor.create_pods(PODS)
    await actor.settled()
    # Isolation first: packets that always arrive would prove nothing below.
    await until_right(actor, {each: False for each in every_flow()})
    chance = random.Random(20)
    arrived = 0

    for turn in range(RULE_SETS):
        await actor.write_rules(many_rules(chance))
        await actor.settled()
        wanted = await meant(actor, await actor.graph_rules())
        await until_right(actor, wanted, f"rule set {turn}")
        arrived += sum(wanted.values())

    assert arrived > 20 * RULE_SETS
    assert await actor.dead_letters() == {}


def many_rules(chance: random.Random) -> list[dict[str, Any]]:
    """Return rules about a few pods each, and about everybody now and then."""
    few = [chance.sample([*PODS.values()], 4) for _ in range(5)]
    return [rule for addresses in few for rule in random_rules(chance, addresses)]


def every_flow() -> list[tuple[str, str, Flow]]:
    return [(*pair, flow) for pair in PAIRS for flow in FLOWS]


async def meant(actor: Actor, rules: list[Rule]) -> Flows:
    """Return what must arrive: by the rules, except ICMP, of which a policy cannot say all."""
    stored = await actor.stored_reach()
    found = {}
    for one, two, (protocol, port) in every_flow():
        ends = PODS[one], PODS[two]
        if protocol == "ICMP":
            found[one, two, (protocol, port)] = stored[ends].icmp
        else:
            packet = Packet(protocol, 40000, port)
            found[one, two, (protocol, port)] = passes(rules, "DENY", False, *ends, packet)
    return found


async def until_right(actor: Actor, wanted: Flows, when: str = "at first") -> None:
    """Return once exactly what is wanted arrives; the node enforces a moment after it is stored."""
    wrong: list[str] = []

    async def right() -> bool:
        with ExitStack() as stack:
            homes = {}
            for name in PODS:
                link = link_of(actor.world.plan.state_dir / "packets", "default", name)
                homes[name] = Namespace.at(link)
                stack.callback(homes[name].close)
            probes = [Probe(homes[one], PODS[one], PODS[two], *flow) for one, two, flow in wanted]
            found = await asyncio.to_thread(arrivals, probes, list(wanted.values()))
        wrong[:] = [
            f"{one} -> {two} {flow}: wanted {should}"
            for ((one, two, flow), should), is_so in zip(wanted.items(), found, strict=True)
            if should != is_so
        ]
        return not wrong

    try:
        await until_true(right)
    except AssertionError:
        raise AssertionError(f"{when}: {wrong[:20]}") from None
