"""Of several firewalls one is enough, or every one on the way has to let a flow pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.flow.judging import Judging
from streams.records.facts import ChangeSet, GraphFact
from streams.records.policies import PolicyPatch
from streams.rules.verdict import Reading
from tests.unit.flow.records import ROUTING, Routed, allow, change, claim, opening

PODS = [claim(name, rev) for rev, name in enumerate("abc")]
FRONTS = {name: f"10.0.0.{number}" for number, name in enumerate("abc")}


def world(*facts: GraphFact, reading: Reading = Reading.EVERY_HOP) -> Routed:
    routed = Routed(ROUTING._replace(judging=Judging(reading=reading)))
    routed.tell(*PODS, *facts, *opening())
    return routed


def said(rev: int, pod: str, **more: Any) -> GraphFact:
    """Return what the firewall before a pod says."""
    known = {"firewall": FRONTS[pod], "owner": f"uid-{pod}", "default_action": "DENY"}
    return change(rev, **(known | more))


def fronts(rev: int = 0) -> list[GraphFact]:
    return [said(rev + number, pod) for number, pod in enumerate("abc")]


def keys(patches: list[PolicyPatch]) -> list[str]:
    return sorted(patch.key.rpartition("/")[2] for patch in patches)


def open_pairs(routed: Routed) -> set[tuple[str, str]]:
    """Return who may send something to whom, as the policies on their way say."""
    specs = {
        key.rpartition("/")[2]: row.patch.manifest["spec"]
        for key, row in routed.compiled.items()
        if row.patch is not None and row.patch.manifest is not None
    }
    sides = {"egress": "to", "ingress": "from"}
    found = {
        (side, name, peer["podSelector"]["matchLabels"]["app"])
        for name, spec in specs.items()
        for side, word in sides.items()
        for rule in spec[side]
        for peer in rule[word]
    }
    return {
        (one, two)
        for side, one, two in found
        if side == "egress" and one != two and ("ingress", two, one) in found
    }


def test_where_any_end_counts_one_firewall_is_enough() -> None:
    routed = world(*fronts(), reading=Reading.ANY_END)

    assert keys(routed.tell(said(5, "a", added=(allow("a", "b"),)))) == ["a", "b"]
    assert open_pairs(routed) == {("a", "b")}


def test_where_every_hop_counts_both_firewalls_have_to_say_so() -> None:
    routed = world(*fronts())

    assert routed.tell(said(5, "a", added=(allow("a", "b"),))) == []
    assert open_pairs(routed) == set()
    assert keys(routed.tell(said(6, "b", added=(allow("a", "b"),)))) == ["a", "b"]
    assert open_pairs(routed) == {("a", "b")}


def test_what_a_third_firewall_says_does_not_count_there() -> None:
    routed = world(*fronts())

    both = [said(5 + n, pod, added=(allow("a", "b"),)) for n, pod in enumerate("ca")]
    assert routed.tell(*both) == []


def test_the_narrower_of_both_counts() -> None:
    routed = world(*fronts())
    routed.tell(said(5, "a", added=(allow("a", "b", "80-90"),)))

    routed.tell(said(6, "b", added=(allow("a", "b", "85-99"),)))

    (patch,) = [row.patch for row in routed.compiled.values() if row.patch.key.endswith("/a")]
    assert patch.manifest["spec"]["egress"][0]["ports"] == [
        {"protocol": "TCP", "port": 85, "endPort": 90}
    ]


def test_without_a_firewall_of_its_own_a_pod_is_behind_all_that_stand_before_nobody() -> None:
    star = change(0, added=(allow("a", "b"), allow("b", "c")))
    routed = world(star)
    assert open_pairs(routed) == {("a", "b"), ("b", "c")}

    # One after the other gets its own, and each says what the star says of it: nothing changes.
    for number, pod in enumerate("abc"):
        mine = [rule for rule in star.change.added if pod in _names(rule)]
        assert routed.tell(said(5 + number, pod, added=tuple(mine))) == []


def test_a_firewall_given_to_another_pod_closes_what_it_opened() -> None:
    rule = allow("a", "b")
    routed = world(*(said(n, pod, added=(rule,)) for n, pod in enumerate("abc")))
    assert open_pairs(routed) == {("a", "b")}

    moved = routed.tell(change(9, firewall=FRONTS["a"], owner="uid-c", default_action="DENY"))

    # Without one of its own pod-a is behind those that stand before nobody: there are none.
    assert keys(moved) == ["a", "b"]
    assert open_pairs(routed) == set()


def test_two_firewalls_told_in_one_set_are_one_step() -> None:
    routed = world(*fronts())
    parts = [
        said(
            5 + number,
            pod,
            added=(allow("a", "b"),),
            change_set=ChangeSet(id="s", part=number + 1, of=2),
        )
        for number, pod in enumerate("ab")
    ]

    assert routed.tell(parts[0]) == []
    assert keys(routed.tell(parts[1])) == ["a", "b"]


def test_an_owner_costs_nobody_anything_where_any_end_counts() -> None:
    routed = world(reading=Reading.ANY_END)
    before = routed.views

    assert routed.tell(*fronts()) == []
    assert routed.views == before


@pytest.mark.parametrize("reading", list(Reading))
def test_a_restart_reads_the_owners_from_the_rows(reading: Reading) -> None:
    rule = allow("a", "b")
    routed = world(*(said(n, pod, added=(rule,)) for n, pod in enumerate("abc")), reading=reading)
    routed.restart()

    assert keys(routed.tell(said(9, "b", removed=(rule,)))) == (
        [] if reading is Reading.ANY_END else ["a", "b"]
    )


@given(st.permutations(range(6)))
def test_the_order_in_which_it_is_said_does_not_matter(order: list[int]) -> None:
    rules = {"a": (allow("a", "b"),), "b": (allow("a", "b"), allow("b", "c")), "c": ()}
    facts = [*fronts(), *(said(9, pod, added=added) for pod, added in rules.items() if added)]
    routed = world()

    for rev, number in enumerate(order[: len(facts)]):
        if number < len(facts):
            routed.tell(facts[number].model_copy(update={"rev": (0, 20 + rev)}))
    for rev, fact in enumerate(facts):
        routed.tell(fact.model_copy(update={"rev": (0, 40 + rev)}))

    assert open_pairs(routed) == {("a", "b")}


def _names(rule: Any) -> set[str]:
    return {
        chr(ord("a") + int(end.rpartition(".")[2]) - 11) for end in (rule.source, rule.destination)
    }
