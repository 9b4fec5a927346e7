"""What is sent of a firewall turns what was known into what it says now, and nothing else."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codec import MAX_SENT_BYTES, Poison, decode, encode
from streams.flow.aligner import AlignerRow, said, store_change
from streams.flow.differences import (
    MOST_RULES,
    Delta,
    changes,
    differences,
    firewall_in,
    holders_in,
    in_one_set,
    read,
    read_rule,
)
from streams.graph.model import GraphState, Node, parse_graph
from streams.records.facts import FirewallChange
from streams.records.rules import Action, Protocol, Rule

FIREWALL = "10.0.0.1"
RULES = [
    Rule(action=action, source=source, destination="10.1.0.2", protocol=Protocol.TCP, dst_port=port)
    for action, source, port in product(Action, ("10.1.0.1", "*"), ("80", "*"))
]
some_rules = st.dictionaries(
    st.sampled_from(RULES), st.just({"10.1.0.1": "a"}) | st.just({}), max_size=8
)
ELEMENT: dict[str, Any] = {
    "id": None,
    "action": "ALLOW",
    "source": "10.1.0.1",
    "destination": "10.1.0.2",
    "protocol": "TCP",
    "srcPort": "*",
    "dstPort": "80",
    "priority": None,
    "directional": True,
}


def firewall(*elements: Any, default: Any = "DENY") -> Node:
    function = {"elements": list(elements), "defaultAction": default}
    return Node(1, FIREWALL, "FIREWALL", (), 2, {"id": 2, "firewall": function})


def graph(*nodes: dict[str, Any]) -> GraphState:
    told = [{"id": number, **node} for number, node in enumerate(nodes)]
    for number, node in enumerate(told):
        if node.get("configuration") is not None:
            node["configuration"] = {"id": 100 + number, **node["configuration"]}
    return parse_graph({"id": 0, "node": told})


def applied(rows: dict[str, AlignerRow], sent: list[FirewallChange]) -> set[Rule]:
    for change in sent:
        store_change(rows, "main", change)
    return set(said(rows, "main")[FIREWALL].rules)


@given(some_rules, some_rules, st.sets(st.sampled_from(RULES)))
def test_the_known_rules_with_the_differences_are_the_told_ones(
    known: dict[Rule, dict[str, str]], told: dict[Rule, dict[str, str]], ended: set[Rule]
) -> None:
    rows: dict[str, AlignerRow] = {}
    before = Delta(tuple(known), ())
    applied(rows, in_one_set(changes("main", FIREWALL, Action.DENY, before, {}), "s-1"))

    delta = differences(known, told, ended)

    sent = in_one_set(changes("main", FIREWALL, Action.DENY, delta, {}), "s-2")
    assert applied(rows, sent) == set(told)


@given(some_rules, st.randoms(use_true_random=False))
def test_another_order_is_no_difference(known: dict[Rule, dict[str, str]], random: Any) -> None:
    shuffled = list(known.items())
    random.shuffle(shuffled)

    assert differences(known, dict(shuffled)) == Delta((), ())


@given(some_rules, some_rules)
def test_the_order_of_what_is_sent_does_not_depend_on_the_order_told(
    known: dict[Rule, dict[str, str]], told: dict[Rule, dict[str, str]]
) -> None:
    backwards = dict(reversed(told.items()))

    assert differences(known, told) == differences(dict(reversed(known.items())), backwards)


@pytest.mark.parametrize(
    ("before", "now", "ended", "anew"),
    [
        ({}, {}, False, False),
        ({}, {}, True, True),
        ({"10.1.0.1": "a"}, {"10.1.0.1": "a"}, False, False),
        ({"10.1.0.1": "a"}, {"10.1.0.1": "x"}, False, True),
        ({"10.1.0.1": "a"}, {}, False, False),
        ({}, {"10.1.0.1": "a"}, False, False),
    ],
)
def test_a_rule_is_given_anew_after_it_was_ended_or_for_other_pods(
    before: dict[str, str], now: dict[str, str], ended: bool, anew: bool
) -> None:
    rule = RULES[0]

    delta = differences({rule: before}, {rule: now}, {rule} if ended else ())

    assert delta == (Delta((rule,), (rule,)) if anew else Delta((), ()))


def test_many_rules_travel_in_parts_that_fit() -> None:
    many = tuple(
        Rule(
            action=Action.ALLOW,
            source=f"10.200.{number // 250}.{number % 250}",
            destination="10.201.100.100",
            protocol=Protocol.ANY,
            src_port="10000-20000",
            dst_port="10000-20000",
        )
        for number in range(2 * MOST_RULES + 1)
    )
    holders = {rule.source: "0b5c2a3e-6a0f-4b51-9a07-3f9d2f4f7a11" for rule in many}

    sent = in_one_set(changes("main", FIREWALL, Action.DENY, Delta(many, many[:1]), holders), "s")

    assert [(c.change_set.part, c.change_set.of) for c in sent if c.change_set] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    assert [len(change.added) + len(change.removed) for change in sent] == [500, 500, 2]
    assert all(len(encode(change)) * 4 < MAX_SENT_BYTES for change in sent)
    assert all(decode(encode(change), FirewallChange) == change for change in sent)


def test_a_change_names_the_holders_of_its_own_rules_only() -> None:
    holders = {"10.1.0.1": "a", "10.1.0.2": "b", "10.1.0.3": "c"}

    (sent,) = changes("main", FIREWALL, Action.DENY, Delta((RULES[0],), ()), holders)

    assert sent.holders == {"10.1.0.1": "a", "10.1.0.2": "b"}


def test_a_default_alone_is_one_change() -> None:
    (sent,) = changes("main", FIREWALL, Action.ALLOW, Delta((), ()), {})

    assert sent.default_action is Action.ALLOW
    assert isinstance(decode(encode(sent), FirewallChange), FirewallChange)


def test_a_rule_is_read_with_whom_it_is_meant_for() -> None:
    now = read(firewall(ELEMENT, ELEMENT), {"10.1.0.2": "b", "10.1.0.7": "x"}, False)

    ((rule, meant),) = now.said.rules.items()
    assert (rule.source, rule.dst_port, rule.protocol) == ("10.1.0.1", "80", Protocol.TCP)
    assert meant == {"10.1.0.2": "b"}
    assert now.unreadable == ()


@pytest.mark.parametrize("field", ["srcPort", "dstPort", "directional", "id", "priority"])
def test_what_was_never_given_is_read_as_any(field: str) -> None:
    assert read_rule(ELEMENT | {field: None}) is not None


@pytest.mark.parametrize(
    "bad",
    [
        {"action": None},
        {"action": "ALLOW_COND"},
        {"protocol": None},
        {"protocol": "ICMP"},
        {"source": None},
        {"source": "web"},
        {"source": "\ud800"},
        {"destination": "10.1.0.0/24"},
        {"dstPort": "http"},
        {"dstPort": "90-80"},
        {"directional": 1},
    ],
)
def test_what_cannot_be_read_keeps_nobody_else_from_being_read(bad: dict[str, Any]) -> None:
    now = read(firewall(ELEMENT | bad, ELEMENT), {}, False)

    assert len(now.said.rules) == 1
    assert now.unreadable == ({"added": [ELEMENT | bad]},)
    raw = json.dumps({"graph": "main", "firewall": FIREWALL, **now.unreadable[0]}).encode()
    assert isinstance(decode(raw, FirewallChange), Poison)


@pytest.mark.parametrize(
    ("told", "allowed", "default", "refused"),
    [
        ("DENY", False, Action.DENY, False),
        ("DENY", True, Action.DENY, False),
        ("ALLOW", True, Action.ALLOW, False),
        ("ALLOW", False, Action.DENY, True),
        ("ALLOW_COND", True, Action.DENY, True),
        (None, True, Action.DENY, True),
    ],
)
def test_only_what_is_understood_and_asked_for_opens_a_firewall(
    told: Any, allowed: bool, default: Action, refused: bool
) -> None:
    now = read(firewall(default=told), {}, allowed)

    assert now.said.default is default
    assert now.unreadable == (({"defaultAction": told},) if refused else ())


def test_holders_are_the_pods_the_nodes_describe() -> None:
    pod = {"functionalType": "ENDHOST", "configuration": {"name": "c/n/a", "description": "a-1"}}
    bare = {"functionalType": "ENDHOST", "name": "10.1.0.3"}
    wall = {"functionalType": "FIREWALL", "name": FIREWALL, "configuration": {"description": "x"}}

    state = graph({"name": "10.1.0.1", **pod}, bare, wall)

    assert holders_in(state) == {"10.1.0.1": "a-1"}


@pytest.mark.parametrize("configuration", [None, {}, {"firewall": None}])
def test_a_firewall_without_its_function_is_none(configuration: Any) -> None:
    node = {"name": FIREWALL, "functionalType": "FIREWALL", "configuration": configuration}

    assert firewall_in(graph(node), FIREWALL) is None
    assert firewall_in(graph(), FIREWALL) is None
