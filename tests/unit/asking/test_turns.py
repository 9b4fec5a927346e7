"""The past of a flow: each turn has its time, its cause, and what decides or decides no more."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from agents.asking.moments import NOW
from agents.asking.reaching import parse_port
from agents.asking.turns import MOST_TURNS, Course, Follower, Turn, key_of
from streams.flow.judging import Judging
from streams.flow.replaying import Replay
from streams.records.cause import Cause
from streams.records.facts import GraphFact
from streams.records.rules import Rule
from streams.rules.verdict import Exactness
from streams.rules.wording import one_line
from tests.unit.asking.drawn import FIREWALLS, NAMES, PORTS, Firewall, drawn, expected
from tests.unit.asking.world import World
from tests.unit.flow.records import (
    CLUSTER,
    COMPILING,
    GRAPH,
    ROUTING,
    address_of,
    allow,
    at,
    change,
    claim,
    opening,
)
from tests.unit.rules.worlds import rule

EACH = 50


class Told:
    """A graph's facts, and who follows flows through them."""

    def __init__(self, *flows: tuple[str, str, str], names: str = "ab", **judging: Any) -> None:
        read = Judging(**judging)
        self.replay = Replay(GRAPH, ROUTING._replace(judging=read), COMPILING)
        self.offset = -1
        self.followers = [Follower(GRAPH, course(*flow), read) for flow in flows]
        self.tell(*opening(), *(claim(name, rev) for rev, name in enumerate(names, 1)))

    def tell(self, *facts: GraphFact) -> None:
        for fact in facts:
            self.offset += 1
            here = at(self.offset)
            spoken_of = self.replay.take(fact, here)
            for each in self.followers:
                if each.concerns(spoken_of):
                    each.look(self.replay.graph.index, here, fact.cause or here.cause())

    def say(self, rev: int, **said: Any) -> None:
        cause = Cause(topic="firewall-changes", partition=0, offset=rev)
        self.tell(change(rev, **said).model_copy(update={"cause": cause}))

    @property
    def turns(self) -> list[Turn]:
        return turns(self.followers[0])


def turns(follower: Follower) -> list[Turn]:
    return [turn for turn, _ in follower.turns]


def course(source: str, to: str, port: str) -> Course:
    ends = (each if each[0].isdigit() else f"{CLUSTER}/default/{each}" for each in (source, to))
    return Course(*ends, parse_port(port) if port else None, NOW)


@pytest.mark.parametrize("exactness", Exactness)
def test_of_fifty_flows_that_end_open_and_fifty_closed_every_turn_is_what_a_slow_look_finds(
    exactness: Exactness,
) -> None:
    dice, seen = random.Random(17), Counter[bool]()
    strict = exactness is Exactness.STRICT
    while min(seen[True], seen[False]) < EACH:
        flows = [(*dice.sample(NAMES, 2), dice.choice(PORTS)) for _ in range(10)]
        told = Told(*flows, names=NAMES, exactness=exactness)
        states: dict[int, dict[str, Firewall]] = {}
        said: dict[str, Firewall] = {}
        for rev in range(1, 5):
            name, ordered = dice.choice(FIREWALLS), dice.random() < 0.5
            rules = [drawn(dice) for _ in range(dice.randint(0, 7))]
            said = {**said, name: Firewall(ordered, rules)}
            told.say(rev, firewall=name, elements=tuple(rules), ordered=ordered)
            states[told.offset] = said
        for flow, follower in zip(flows, told.followers, strict=True):
            meant = {fact: expected(state, *flow, strict=strict) for fact, state in states.items()}
            yes, _ = meant[told.offset]
            if seen[yes] == EACH:
                continue
            seen[yes] += 1
            follows_what_is_meant(turns(follower), meant)


def follows_what_is_meant(
    found: list[Turn], meant: dict[int, tuple[bool, dict[str, list[Rule]]]]
) -> None:
    """Check after every fact: the last turn by then says yes or no, and names the right rules."""
    open_before = False
    for fact, (yes, by_firewall) in meant.items():
        last = [turn for turn in found if turn.fact <= fact][-1]
        assert last.allowed is yes
        if yes is not open_before:
            # It is this very change that opened or closed it, and no later one is named for it.
            assert (last.fact, last.turn) == (fact, "opened" if yes else "closed")
            assert last.cause.startswith("firewall-changes/0/")
        named: dict[str, set[str]] = {name: set() for name in by_firewall}
        for each in last.rules:
            named[each.firewall].add(each.text)
        texts = {name: {one_line(one) for one in rules} for name, rules in by_firewall.items()}
        assert {name: bool(some) for name, some in named.items()} == {
            name: bool(some) for name, some in texts.items()
        }
        assert all(named[name] <= texts[name] for name in texts)
        open_before = yes


def test_a_rule_that_comes_and_goes_opens_and_closes_and_its_absence_is_named() -> None:
    told = Told(("a", "b", "80"))
    told.say(7, added=(allow("a", "b"),))
    told.say(8, removed=(allow("a", "b"),))

    begun, opened, closed = told.turns
    text = one_line(allow("a", "b"))
    assert (begun.turn, begun.why[:17]) == ("closed", "No rule allows it")
    assert (opened.turn, opened.cause, opened.fact) == ("opened", "firewall-changes/0/7", 4)
    assert ([each.text for each in opened.rules], opened.why) == ([text], f"Rule {text} allows it.")
    assert (closed.turn, closed.cause, closed.rules) == ("closed", "firewall-changes/0/8", ())
    assert [each.text for each in closed.before] == [text]
    assert closed.why.endswith(f"Rule {text}, which allowed it, is gone.")


def test_a_deny_closes_and_what_says_the_same_again_is_no_turn() -> None:
    told = Told(("a", "b", "80"))
    deny = rule(f"DENY TCP * -> {address_of('b')}:80")
    told.say(1, added=(allow("a", "b"),))
    told.say(2, added=(deny,))
    told.say(3, elements=(allow("a", "b"), deny))
    told.say(4, added=(allow("a", "b", 81),))

    assert [turn.turn for turn in told.turns] == ["closed", "opened", "closed"]
    assert [each.text for each in told.turns[-1].rules] == [one_line(deny)]


def test_another_rule_that_decides_is_said_though_nothing_opens_or_closes() -> None:
    told = Told(("a", "b", "80"))
    told.say(1, added=(allow("a", "b"),))
    told.say(2, elements=(allow("a", "b", "1-90"),))

    last = told.turns[-1]
    assert (last.turn, last.allowed) == ("still open", True)
    assert [each.text for each in last.rules] == [one_line(allow("a", "b", "1-90"))]
    assert [each.text for each in last.before] == [one_line(allow("a", "b"))]


def test_a_pod_that_goes_closes_and_before_it_came_nothing_is_said() -> None:
    told = Told(("a", "b", "80"), names="a")
    assert told.turns == []
    told.tell(claim("b", 2))
    told.say(1, added=(allow("a", "b"),))
    told.tell(claim("b", 3, live=False))

    assert [turn.turn for turn in told.turns] == ["closed", "opened", "closed"]
    assert told.turns[-1].why == "default/b is not there."


def test_an_address_is_whoever_has_it() -> None:
    told = Told(("a", address_of("b"), "80"))
    told.say(1, added=(allow("a", "b"),))

    assert told.turns[-1].turn == "opened"


def test_of_very_many_turns_the_newest_are_kept() -> None:
    told = Told(("a", "b", "80"))
    for rev in range(1, MOST_TURNS + 2):
        told.say(rev, elements=(allow("a", "b"),) if rev % 2 else ())

    assert (len(told.turns), told.followers[0].more) == (MOST_TURNS, True)
    assert told.turns[-1].cause == f"firewall-changes/0/{MOST_TURNS + 1}"


def test_whoever_is_gone_can_be_asked_about_and_who_never_was_cannot() -> None:
    there = World("ab")
    there.tell(claim("b", 10, live=False))
    rows = there.seen.rows

    assert [key_of(rows, each) for each in ("a", "default/b", "192.0.2.7")] == [
        "local/default/a",
        "local/default/b",
        "192.0.2.7",
    ]
    with pytest.raises(ValueError, match="nothing is known of 'c'"):
        key_of(rows, "c")
