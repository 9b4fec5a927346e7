"""A policy says which rules each of its openings comes from, and what others add to it."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest

from agents.asking.origins import DEFAULT, ITSELF, NOT_KNOWN, Origin
from deploy.cli.worded_policy import page
from streams.flow.crossing import Link
from streams.flow.judging import Judging
from streams.policy.dialects.standing import STANDING
from streams.policy.reach import openings
from streams.records.policies import Outcome
from streams.records.rules import Protocol
from streams.rules.spaces import EVERYWHERE, minus, networks
from streams.rules.verdict import Exactness
from streams.rules.wording import one_line
from tests.unit.asking.drawn import NAMES, begun, expected
from tests.unit.asking.world import World, claimed, pod
from tests.unit.flow.records import ROUTING, address_of, allow, change
from tests.unit.rules.worlds import rule

A, B, C = map(address_of, "abc")
EDGES = (1, 79, 80, 81, 90, 91, 442, 443, 444, 65535)


def world(*said: Any, names: str = "abc", **judging: Any) -> World:
    there = World(names, ROUTING._replace(judging=Judging(**judging)))
    there.tell(change(1, elements=said))
    return there


def told(found: tuple[Origin, ...]) -> dict[tuple[str, int], tuple[tuple[str, ...], list[str]]]:
    """Return by place whom each opening means, and its rules or why there are none."""
    return {
        (each.direction, each.number): (
            each.peers,
            [said.text for said in each.rules] or [each.why],
        )
        for each in found
    }


def test_each_opening_names_its_peers_and_its_rules_and_isolation_says_so() -> None:
    found = world(allow("a", "b"), allow("a", "b", 81), allow("a", "c", 443)).why("a")

    assert told(found.openings) == {
        ("ingress", 1): (("itself",), [ITSELF]),
        ("egress", 1): (
            ("default/b",),
            [f"ALLOW TCP {A}:* -> {B}:80", f"ALLOW TCP {A}:* -> {B}:81"],
        ),
        ("egress", 2): (("default/c",), [f"ALLOW TCP {A}:* -> {C}:443"]),
    }
    shown = "\n".join(page(found))
    assert shown.splitlines()[0].startswith("default/a: APPLIED, revision 1.1.")
    assert "  2. default/c: TCP 443" in shown
    assert "said at firewall-changes/0/1" in shown


def test_what_no_rule_opens_but_a_firewalls_default_says_so() -> None:
    there = World("ab")
    there.tell(change(1, default_action="ALLOW", elements=()))

    assert told(there.why("a").openings)["egress", 1] == (("default/b",), [DEFAULT])


def test_an_opening_of_a_manifest_that_no_rule_asks_for_any_more_says_so() -> None:
    there = world(allow("a", "b"))
    there.tell(change(2, elements=(allow("a", "c"),)), outcome=Outcome.REFUSED, reason="no")
    key = "local/default/a"
    there.wanted[key] = there.wanted[key].model_copy(
        update={"manifest": there.policies[key], "digest": ""}
    )

    found = there.why("a")

    assert told(found.openings)["egress", 1] == (("app=b",), [NOT_KNOWN])
    assert (found.line.outcome, found.line.reason) == ("REFUSED", "no")


def test_networks_outside_name_each_rule_about_some_of_their_addresses() -> None:
    outside = minus(EVERYWHERE, networks(["10.0.0.0/8"]))
    said = [f"ALLOW TCP {A} -> 8.8.-1.-1:80", f"ALLOW TCP {A} -> 8.9.-1.-1:80"]

    found = world(*map(rule, said), outside=outside).why("a")

    peers, rules = told(found.openings)["egress", 1]
    assert (peers, len(rules)) == (("8.8.0.0/15",), 2)


def test_a_pod_of_another_cluster_is_found_behind_the_address_at_which_it_is_met() -> None:
    links = (Link("local", "far", None, ("192.0.2.1/32",)),)
    there = World("ab", ROUTING._replace(judging=Judging(links=links)))
    there.tell(
        claimed("c", 3, cluster="far"), change(1, elements=(rule(f"ALLOW TCP {A} -> {C}:80"),))
    )

    peers, rules = told(there.why("a").openings)["egress", 1]

    assert (peers, rules) == (("far/default/c", "192.0.2.1/32"), [f"ALLOW TCP {A}:* -> {C}:80"])


@pytest.mark.parametrize("exactness", Exactness)
def test_rules_by_dice_are_named_as_a_slow_look_finds_them(exactness: Exactness) -> None:
    dice, opened = random.Random(5), 0
    for _ in range(8):
        there, said = begun(dice, Judging(exactness=exactness))
        for name in NAMES:
            for each in there.why(name).openings:
                meant: set[str] = set()
                named = {rule.text for rule in each.rules}
                for peer, port in admitted(there, name, each):
                    ends = (name, peer) if each.direction == "egress" else (peer, name)
                    yes, rules = expected(said, *ends, port, exactness is Exactness.STRICT)
                    assert yes, (said, name, each)
                    for firewall in rules.values():
                        texts = {*map(one_line, firewall)}
                        assert texts & named, (said, name, each)
                        meant |= texts
                assert named <= meant, (said, name, each)
                opened += bool(named)
    assert opened > 20


def admitted(there: World, name: str, origin: Origin) -> list[tuple[str, str]]:
    """Return which peers an opening means, each at every port where a rule may end."""
    manifest = there.wanted[f"local/default/{name}"].manifest
    assert manifest is not None
    kind, others = origin.direction.capitalize(), [each for each in NAMES if each != name]
    return [
        (peer, f"{port}/{protocol}")
        for peer in others
        for each in openings(manifest, kind, pod(peer), pod(peer), {})
        for protocol, port in product(("TCP", "UDP", "SCTP"), EDGES)
        if each.number == origin.number and each.reach.admits(Protocol(protocol), port)
    ]


def test_policies_of_others_that_select_the_pod_are_said_to_add_and_whose_they_are() -> None:
    there = world(allow("a", "b"))
    there.policies["x"] = beside("metrics", {}, ingress=[{}])
    there.policies["y"] = beside("dns", {STANDING: "demo"}, egress=[{"ports": [{"port": 53}]}])
    there.policies["z"] = beside("closed", {}, policyTypes=["Egress"])
    there.policies["w"] = beside("b alone", {}, podSelector={"matchLabels": {"app": "b"}})

    found = there.why("a")

    assert [(each.name, each.ours, len(each.adds)) for each in found.beside] == [
        ("default/metrics", False, 1),
        ("default/dns", True, 1),
    ]
    shown = "\n".join(page(found))
    assert "Added by policy default/metrics (foreign)\n    ingress rule 1, for everybody" in shown


def test_what_is_not_exact_and_what_somebody_changed_is_said() -> None:
    there = world(rule(f"ALLOW TCP {A}:7 -> {B}:80"))
    there.policies["local/default/a"] = beside("a", {}, egress=[{}])

    shown = "\n".join(page(there.why("a")))

    assert "differs" in shown.splitlines()[0]
    assert "Not exact\n  wider than" in shown
    assert "Wanted - and stored +" in shown


def test_a_policy_that_should_be_gone_has_no_openings() -> None:
    there = world(allow("a", "b"))
    key = "local/default/a"
    there.wanted[key] = there.wanted[key].model_copy(update={"manifest": None, "digest": ""})

    found = there.why("a")

    assert (found.openings, found.beside, found.line.drift) == ((), (), "still stored")
    assert "no manifest: the cluster should not hold this policy" in page(found)


def beside(name: str, labels: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} | spec,
    }
