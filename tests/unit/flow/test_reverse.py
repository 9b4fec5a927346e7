"""A rule that is not directional is one for the way back as well, where a setting says so."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.flow.judging import Judging
from streams.records.policies import PolicyPatch
from streams.records.rules import Rule
from streams.rules.spaces import EVERYWHERE, minus, networks
from streams.rules.verdict import Exactness
from tests.unit.flow.records import ROUTING, Routed, address_of, allow, change, claim, opening
from tests.unit.rules import worlds

PODS = "abc"
OUTSIDE = minus(EVERYWHERE, networks(["10.0.0.0/8"]))
ENDS = st.sampled_from([*map(address_of, PODS), "*", "10.0.0.-1", "172.16.0.1", "172.16.-1.-1"])
BOTH = st.lists(worlds.rules(ENDS).map(lambda one: one.model_copy(update={"directional": False})))


def patches(rules: Sequence[Rule], ordered: bool, judging: Judging) -> dict[str, PolicyPatch]:
    routed = Routed(ROUTING._replace(judging=judging))
    said = change(9, elements=rules, ordered=ordered, default_action="DENY")
    routed.tell(*(claim(name, rev) for rev, name in enumerate(PODS)), said, *opening())
    return {key: row.patch for key, row in routed.compiled.items() if row.patch}


def specs(found: dict[str, PolicyPatch]) -> dict[str, dict]:
    return {key: each.manifest["spec"] for key, each in found.items() if each.manifest}


def spelled_out(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules, each followed by one for the way back, to the same ports."""
    found: list[Rule] = []
    for one in rules:
        there = one.model_copy(update={"directional": True})
        back = {"source": one.destination, "destination": one.source}
        found += [there, there.model_copy(update=back)]
    return found


@given(BOTH.filter(lambda rules: len(rules) < 6), st.booleans(), st.sampled_from(Exactness))
def test_it_means_what_two_rules_mean(
    rules: list[Rule], ordered: bool, exactness: Exactness
) -> None:
    once = patches(rules, ordered, Judging(exactness, outside=OUTSIDE, reverse=True))
    twice = patches(spelled_out(rules), ordered, Judging(exactness, outside=OUTSIDE))

    assert specs(once) == specs(twice)
    assert {one.reason for each in once.values() for one in each.inexact} == {
        one.reason for each in twice.values() for one in each.inexact
    }


@pytest.mark.parametrize(("reverse", "reported"), [(False, {"not-directional"}), (True, set())])
def test_it_is_reported_only_where_it_counts_for_one_way(reverse: bool, reported: set[str]) -> None:
    both = allow("a", "b").model_copy(update={"directional": False})

    found = patches([both], True, Judging(reverse=reverse))

    assert {one.reason for each in found.values() for one in each.inexact} == reported


def test_the_way_back_is_for_the_same_two_pods() -> None:
    both = allow("a", "b", "*").model_copy(update={"directional": False})
    routed = Routed(ROUTING._replace(judging=Judging(reverse=True)))
    pods = [claim(name, rev) for rev, name in enumerate("ab")]
    routed.tell(*pods, change(9, added=(both,)), *opening())

    # Who takes over an address inherits nothing, whichever way the rule is read.
    reborn = routed.tell(claim("b", 8, uid="another"))

    ends = {str(each.manifest["spec"]["ingress"]) for each in reborn if each.manifest}
    assert all("'app': 'a'" not in end or "'app': 'b'" not in end for end in ends)
