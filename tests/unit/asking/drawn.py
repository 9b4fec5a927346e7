"""Worlds of rules by dice, and what a slow look at all their rules says of each flow."""

from __future__ import annotations

import random
from typing import NamedTuple

from streams.flow.judging import Judging
from streams.records.rules import Rule
from tests.unit.asking.world import World
from tests.unit.flow.records import FIREWALL, ROUTING, address_of, change
from tests.unit.rules.brute_force import Packet, deciders, passes

NAMES = "abcd"
FIREWALLS = (FIREWALL, "10.9.0.2")
PORTS = ("80/TCP", "81/TCP", "443/TCP", "80/UDP", "85/SCTP")
ENDS = [*map(address_of, NAMES), *map(address_of, NAMES), "10.0.0.-1", "*"]


class Firewall(NamedTuple):
    ordered: bool
    rules: list[Rule]


def drawn(dice: random.Random) -> Rule:
    return Rule(
        action=dice.choice(("ALLOW", "ALLOW", "DENY")),
        source=dice.choice(ENDS),
        destination=dice.choice(ENDS),
        protocol=dice.choice(("TCP", "TCP", "UDP", "ANY", "SCTP", "OTHER")),
        src_port=dice.choice(("*", "*", "*", "7", "80-90")),
        dst_port=dice.choice(("*", "80", "80-90", "81-65535", "443")),
    )


def begun(dice: random.Random, judging: Judging) -> tuple[World, dict[str, Firewall]]:
    world = World(NAMES, ROUTING._replace(judging=judging))
    said = {
        name: Firewall(dice.random() < 0.5, [drawn(dice) for _ in range(dice.randint(0, 7))])
        for name in FIREWALLS
    }
    for rev, (name, firewall) in enumerate(said.items(), 1):
        world.tell(
            change(rev, firewall=name, elements=tuple(firewall.rules), ordered=firewall.ordered)
        )
    return world, said


def expected(
    said: dict[str, Firewall], source: str, to: str, port: str, strict: bool
) -> tuple[bool, dict[str, list[Rule]]]:
    """Return whether it passes, and by firewall whichever rules may be named for it."""
    number, _, protocol = port.partition("/")
    ends = address_of(source), address_of(to)
    found: dict[bool, dict[str, list[Rule]]] = {True: {}, False: {}}
    for name, (ordered, rules) in said.items():
        # A policy has no source ports: whoever is about the rest of it speaks for all of them.
        wide = [each.model_copy(update={"src_port": "*"}) for each in rules]
        first = deciders(wide, ordered, *ends, Packet(protocol, 1, int(number)))
        yes = passes(wide, "DENY", ordered, *ends, Packet(protocol, 1, int(number)))
        if strict:
            packets = [Packet(protocol, each, int(number)) for each in (1, 7, 8, 80, 90, 91)]
            yes = all(passes(rules, "DENY", ordered, *ends, each) for each in packets)
        found[yes][name] = [rule for rule, free in zip(rules, wide, strict=True) if free in first]
    return bool(found[True]), found[True] or found[False]
