"""Whatever rules come and whoever dies: the stored policies allow what the graph's rules allow."""

from __future__ import annotations

import random
from typing import Any

from streams.records.rules import Rule
from tests.e2e.acting import Actor
from tests.e2e.conftest import Start
from tests.reading import Reach
from tests.unit.rules.brute_force import Packet, packets, passes

PODS = {f"pod-{letter}": f"10.244.7.{number}" for number, letter in enumerate("abcdefgh", 11)}
TURNS = 40
PORTS = ["*", "80", "443", "80-90", "85-100", "1-1024", "1025-65535"]


def random_rules(chance: random.Random, addresses: list[str]) -> list[dict[str, Any]]:
    """Return a rule list of every kind Verefoo can keep."""
    ends = [*addresses * 3, "10.244.7.-1", "*", "10.244.9.9"]
    return [
        {
            "action": chance.choice(["ALLOW", "ALLOW", "ALLOW", "DENY"]),
            "source": chance.choice(ends),
            "destination": chance.choice(ends),
            "protocol": chance.choice(["TCP", "TCP", "UDP", "ANY", "OTHER"]),
            "srcPort": "*",
            "dstPort": chance.choice(PORTS),
            "directional": True,
        }
        for _ in range(chance.randint(0, 12))
    ]


def differences(rules: list[Rule], reach: dict[tuple[str, str], Reach]) -> list[str]:
    """Return the flows on which policies and rules differ; what no policy can say is left out."""
    found = []
    probes = [packet for packet in packets(rules) if packet.dst_port > 0]
    for (source, destination), allowed in reach.items():
        for packet in probes:
            wanted = passes(rules, "DENY", False, source, destination, packet)
            if wanted != _admits(allowed, packet):
                found.append(f"{packet} {source} -> {destination}: rules say {wanted}")
    return found


def _admits(reach: Reach, packet: Packet) -> bool:
    spans = getattr(reach, packet.protocol.lower())
    return any(first <= packet.dst_port <= last for first, last in spans)


async def test_stored_policies_allow_what_the_rules_allow_after_every_change(start: Start) -> None:
    actor: Actor = await start()
    chance = random.Random(3)
    await actor.create_pods(PODS)
    living = dict(PODS)

    for turn in range(TURNS):
        if turn % 8 == 7 and len(living) > 2:
            name = chance.choice(sorted(living))
            living.pop(name)
            await actor.delete_pod(name)
        else:
            await actor.write_rules(random_rules(chance, list(PODS.values())))
        await actor.settled()

        rules, reach = await actor.graph_rules(), await actor.stored_reach()
        assert len(reach) == len(living) * (len(living) - 1)
        assert differences(rules, reach)[:5] == [], f"turn {turn}"
    assert await actor.dead_letters() == {}
