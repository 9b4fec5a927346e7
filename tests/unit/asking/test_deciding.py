"""The rule that is said to decide is the one that a slow look at all rules finds, or none is."""

from __future__ import annotations

import random
from collections import Counter
from typing import NamedTuple

import pytest

from agents.asking.explained import Way
from agents.asking.explaining import explain
from agents.asking.reaching import parse_port
from streams.flow.judging import Judging
from streams.records.rules import Rule
from streams.rules.verdict import Exactness
from streams.rules.wording import one_line
from tests.unit.asking.world import World
from tests.unit.flow.records import FIREWALL, ROUTING, address_of, change
from tests.unit.rules.brute_force import Packet, deciders, passes

NAMES = "abcd"
FIREWALLS = (FIREWALL, "10.9.0.2")
PORTS = ("80/TCP", "81/TCP", "443/TCP", "80/UDP", "85/SCTP")
ENDS = [*map(address_of, NAMES), *map(address_of, NAMES), "10.0.0.-1", "*"]
EACH = 50


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


@pytest.mark.parametrize("exactness", Exactness)
def test_of_fifty_flows_that_are_allowed_and_fifty_that_are_not(exactness: Exactness) -> None:
    dice, seen = random.Random(11), Counter[bool]()
    judging = Judging(exactness=exactness)
    while min(seen[True], seen[False]) < EACH:
        world, said = begun(dice, judging)
        known = world.known
        for _ in range(20):
            (source, to), port = dice.sample(NAMES, 2), dice.choice(PORTS)
            yes, meant = expected(said, source, to, port, exactness is Exactness.STRICT)
            if seen[yes] == EACH:
                continue
            seen[yes] += 1
            (way,) = explain(known, source, to, parse_port(port)).ways

            assert (way.allowed, way.reaches) == (yes, yes), (said, source, to, port)
            named_are_meant(way, meant)
            for half in (way.egress, way.ingress):
                assert bool(half.policies[0].openings) is half.lets


def named_are_meant(way: Way, meant: dict[str, list[Rule]]) -> None:
    """Check that one rule is named for each firewall that has one to name, and a right one."""
    named: dict[str, set[str]] = {name: set() for name in meant}
    for each in way.rules:
        if each.decides:
            named[each.firewall].add(each.text)
    texts = {name: {one_line(rule) for rule in rules} for name, rules in meant.items()}
    assert {name: bool(found) for name, found in named.items()} == {
        name: bool(found) for name, found in texts.items()
    }
    assert all(named[name] <= texts[name] for name in meant)
