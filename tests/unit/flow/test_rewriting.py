"""Rules about pods become rules about workloads, and back: everybody reaches whom he reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.flow.rewriting import Nodes, Partial, Pods, rewrite
from streams.records.rules import Action, Protocol, Rule
from tests.unit.rules.brute_force import Packet, passes

pytestmark = pytest.mark.unit

WORKLOADS = {"web": 3, "shop": 2, "db": 1}
PODS = [f"{name}-{number}" for name, count in WORKLOADS.items() for number in range(count)]
AT = {pod: f"10.244.{number % 2}.{number + 1}" for number, pod in enumerate(PODS)}
HOMES = {name: f"10.112.0.{number}" for number, name in enumerate(WORKLOADS, 1)}
OF_PODS: dict[str, Pods] = {address: frozenset({pod}) for pod, address in AT.items()}
OF_WORKLOADS: dict[str, Pods] = {
    address: frozenset(pod for pod in PODS if pod.startswith(name))
    for name, address in HOMES.items()
}
GONE, STRANGER = "10.244.0.99", "192.0.2.7"
FORTH = Nodes({**OF_PODS, GONE: frozenset()}, OF_WORKLOADS)
BACK = Nodes(OF_WORKLOADS, OF_PODS)

RANGES = ["*", "10.244.0.-1", "10.244.1.-1", "10.244.-1.-1", "10.-1.-1.-1", "10.-1.0.-1"]
ends_of_pods = st.sampled_from([*AT.values(), *AT.values(), *RANGES, STRANGER])
ends_of_workloads = st.sampled_from([*HOMES.values(), *HOMES.values(), "*", "10.112.0.-1"])
PACKETS = [Packet("TCP", 40000, 80), Packet("TCP", 40000, 81), Packet("ICMP", -1, -1)]


class Flow(NamedTuple):
    source: str
    destination: str
    packet: Packet


def rules(ends: st.SearchStrategy[str]) -> st.SearchStrategy[list[Rule]]:
    rule = st.builds(
        Rule,
        action=st.sampled_from(Action),
        source=ends,
        destination=ends,
        protocol=st.sampled_from([Protocol.ANY, Protocol.TCP]),
        dst_port=st.sampled_from(["*", "80"]),
    )
    return st.lists(rule, max_size=4)


def home(pod: str) -> str:
    return HOMES[pod.partition("-")[0]]


SEEN_AT = {pod: home(pod) for pod in PODS}


def flows(said: Sequence[Rule], at: Mapping[str, str]) -> set[Flow]:
    """Everything that passes between pods of two workloads, seen under these addresses."""
    return {
        Flow(one, two, packet)
        for one, two in permutations(PODS, 2)
        if home(one) != home(two)
        for packet in PACKETS
        if passes(said, "DENY", False, at[one], at[two], packet)
    }


@given(rules(ends_of_pods))
def test_only_a_rule_that_is_said_to_be_about_some_pods_of_a_workload_changes_who_reaches_whom(
    said: list[Rule],
) -> None:
    done = rewrite(said, FORTH)
    before, after = flows(said, AT), flows(done.rules, SEEN_AT)
    partial = {each.rule.action for each in done.partial}

    if Action.ALLOW not in partial:
        assert after <= before
    if Action.DENY not in partial:
        assert after >= before
    assert not done.ended


@given(rules(ends_of_workloads))
def test_a_rule_about_a_workload_is_one_about_each_of_its_pods_and_about_the_workload_again(
    said: list[Rule],
) -> None:
    back = rewrite(said, BACK)
    before = flows(said, SEEN_AT)

    assert flows(back.rules, AT) == before
    assert not back.partial
    again = rewrite(back.rules, FORTH)
    assert not again.partial
    assert flows(again.rules, SEEN_AT) == before


@given(rules(ends_of_pods))
def test_whoever_begins_again_with_a_part_rewritten_comes_to_the_same(said: list[Rule]) -> None:
    mixed = FORTH._replace(before={**FORTH.before, **OF_WORKLOADS})
    done = rewrite(said, mixed)
    for some in range(len(said) + 1):
        first = rewrite(said[:some], mixed)
        again = rewrite([*first.rules, *said[some:]], mixed)
        assert set(again.rules) == set(done.rules)


def allow(source: str, destination: str) -> Rule:
    return Rule(action=Action.ALLOW, source=source, destination=destination, protocol=Protocol.TCP)


def test_a_rule_for_one_of_three_pods_is_said_of_all_and_reported() -> None:
    done = rewrite([allow(AT["web-0"], AT["db-0"])], FORTH)

    assert done.rules == (allow(HOMES["web"], HOMES["db"]),)
    assert done.partial == (Partial(done.rules[0], 1, 3),)
    assert done.partial[0].text.endswith("said of 1 of 3 pairs of pods")


def test_rules_for_all_three_pods_are_one_rule_and_nothing_to_report() -> None:
    said = [allow(AT[f"web-{number}"], AT["db-0"]) for number in range(3)]

    assert rewrite(said, FORTH) == ((allow(HOMES["web"], HOMES["db"]),), (), ())


def test_a_rule_about_somebody_who_is_gone_ends_and_one_about_a_stranger_stays() -> None:
    ended, kept = allow(GONE, AT["db-0"]), allow(STRANGER, STRANGER)

    assert rewrite([ended, kept], FORTH) == ((kept,), (), (ended,))
