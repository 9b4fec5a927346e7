"""The rule that is said to decide is the one that a slow look at all rules finds, or none is."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from agents.asking.explained import Way
from agents.asking.explaining import explain
from agents.asking.reaching import parse_port
from streams.flow.judging import Judging
from streams.records.rules import Rule
from streams.rules.verdict import Exactness
from streams.rules.wording import one_line
from tests.unit.asking.drawn import NAMES, PORTS, begun, expected

EACH = 50


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
