"""An explanation goes from the rule to the object, names the missing half, and reads well."""

from __future__ import annotations

from typing import Any

import pytest

from agents.asking.ends import OUTSIDE, UNMEANT
from agents.asking.explained import Explained, Half
from deploy.cli.worded import sentences
from streams.flow.crossing import Link
from streams.flow.judging import Judging
from streams.policy.dialects.standing import STANDING
from streams.records.policies import Outcome
from streams.records.reasons import InexactReason
from streams.records.views import Identity, Service, ServicePort
from streams.rules.spaces import EVERYWHERE, minus, networks
from streams.rules.verdict import Reading
from tests.unit.asking.world import World, claimed
from tests.unit.flow.records import ROUTING, address_of, allow, change, claim
from tests.unit.rules.worlds import rule

A, B, C = map(address_of, "abc")
SERVICE = "10.96.0.7"


def world(*said: Any, names: str = "abc", **judging: Any) -> World:
    there = World(names, ROUTING._replace(judging=Judging(**judging)))
    there.tell(change(1, elements=said))
    return there


def text(found: Explained) -> str:
    return "\n".join(sentences(found))


def numbers(half: Half) -> list[int]:
    return [each.number for policy in half.policies for each in policy.openings]


def test_an_allowed_flow_names_its_rule_and_the_very_rule_of_each_policy() -> None:
    found = world(allow("a", "b"), allow("a", "c", 443)).explain("a", "c", "443")

    (way,) = found.ways
    (said,) = way.rules
    assert (found.reaches, said.decides, said.said) == (True, True, "firewall-changes/0/1")
    assert (numbers(way.egress), numbers(way.ingress)) == ([2], [1])
    assert way.ingress.policies[0].openings[0].rule["ports"] == [{"protocol": "TCP", "port": 443}]
    assert text(found).splitlines()[:2] == [
        "yes: default/a reaches default/c at TCP 443",
        f"Rule ALLOW TCP {A}:* -> {C}:443 allows it, and the stored policies let it through.",
    ]
    assert "policy default/a (revision 1.1.5, in force) lets it through" in text(found)


def test_what_is_allowed_beside_the_rules_is_ours_and_not_foreign() -> None:
    there = world()
    there.policies["dns"] = {
        "metadata": {"name": "dns", "namespace": "default", "labels": {STANDING: "demo"}},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
    }

    assert "policy default/dns (ours) lets it through" in text(there.explain("a", "b"))


def test_a_deny_that_wins_is_named_before_the_rule_that_it_wins_over() -> None:
    found = world(allow("a", "c"), rule(f"DENY TCP * -> {C}:80")).explain("a", "c", "80")

    assert found.why.startswith(f"Rule DENY TCP *:* -> {C}:80 denies it, and wins over an ALLOW")
    shown = text(found)
    assert shown.index("<- decides") < shown.index(f"  ALLOW TCP {A}")
    assert "stops" in shown


def test_where_no_rule_is_about_it_that_is_the_reason_and_what_else_passes_is_said() -> None:
    found = world(allow("a", "b")).explain("a", "b", "81")

    assert found.why == "No rule allows it, and what no rule allows is closed."
    assert "All that gets through: TCP 80" in text(found)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.REFUSED, "refused by the cluster"),
        (Outcome.FOREIGN, "not written: a policy of that name is somebody else's"),
        (Outcome.SHADOWED, "not written: the namespace is in shadow"),
    ],
)
def test_the_half_that_was_not_written_is_named_with_its_reason(
    outcome: Outcome, words: str
) -> None:
    there = world()
    there.tell(change(2, added=(allow("a", "b"),)))
    there.tell(change(3, added=(allow("a", "b", 90),)), outcome=outcome, reason="a webhook")

    found = there.explain("a", "b", "90")

    (way,) = found.ways
    assert (way.allowed, way.reaches, way.egress.lets, way.ingress.lets) == (True, *[False] * 3)
    assert f"it does not get out of default/a: its policy is {words}" in found.why
    assert f"is {words}: a webhook" in text(found)


def test_one_half_alone_is_missing_while_it_is_pending() -> None:
    there = world(allow("a", "b"))
    del there.outcomes["local/default/b"]
    del there.policies["local/default/b"]
    there.policies["closed"] = {
        "metadata": {"name": "closed", "namespace": "default"},
        "spec": {"podSelector": {"matchLabels": {"app": "b"}}, "policyTypes": ["Ingress"]},
    }

    found = there.explain("a", "b", "80")

    assert found.why == (
        "The rules allow it, but it does not get into default/b: "
        "its policy is wanted and not written yet."
    )
    assert "policy default/closed (foreign) has no rule for it" in text(found)


def test_what_was_changed_behind_our_back_is_said() -> None:
    there = world(allow("a", "b"))
    spoilt = there.policies["local/default/b"]
    there.policies["local/default/b"] = {**spoilt, "spec": {**spoilt["spec"], "ingress": []}}

    assert "its policy is changed by somebody" in there.explain("a", "b", "80").why


def test_what_a_foreign_policy_opens_is_not_laid_to_a_rule() -> None:
    there = world(names="ab")
    opened = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    there.policies["open"] = {
        "metadata": {"name": "open", "namespace": "default"},
        "spec": {**opened, "ingress": [{}], "egress": [{}]},
    }

    found = there.explain("a", "b", "80")

    assert found.reaches
    assert found.why == "No rule allows it, and all the same it gets through, by default/open."
    assert "by ingress rule 1, for everybody" in text(found)


def test_without_any_policy_everything_passes_and_that_is_said() -> None:
    there = world()
    there.policies.clear()

    assert there.explain("a", "b").why == (
        "No policy selects either end, so everything passes."
        " No rule allows it, and nothing enforces that."
    )


def test_a_rule_that_was_meant_for_an_earlier_pod_is_shown_as_such() -> None:
    there = world(allow("a", "b"))
    there.tell(claim("b", 10, live=False), claim("b", 11, uid="uid-second"))
    there.pods["default/b"]["metadata"]["uid"] = "uid-second"

    found = there.explain("a", "b", "80")

    assert not found.reaches
    assert [each.text for each in found.ways[0].orphaned] == [f"ALLOW TCP {A}:* -> {B}:80"]
    assert "not for who has the addresses now" in text(found)


def test_what_is_not_exact_about_this_pair_is_said_once_and_of_others_nothing() -> None:
    there = world(
        rule(f"ALLOW TCP {A}:7 -> {B}:80"), rule(f"ALLOW TCP {A}:7 -> {C}:80"), allow("b", "c")
    )

    (unsaid,) = there.explain("a", "b", "80").ways[0].unsaid

    assert (unsaid.reason, unsaid.rule) == (
        InexactReason.SOURCE_PORT,
        f"ALLOW TCP {A}:7 -> {B}:80",
    )
    assert there.explain("b", "c", "80").ways[0].unsaid == ()


def test_a_rule_at_one_hop_of_two_does_not_suffice_where_every_hop_decides() -> None:
    there = world(reading=Reading.EVERY_HOP)
    there.tell(change(2, firewall="10.9.0.2", elements=(allow("a", "b"),), owner="uid-a"))
    there.tell(change(3, firewall="10.9.0.3", elements=(), owner="uid-b"))

    assert "not at every firewall on the way" in there.explain("a", "b", "80").why


def test_of_two_graphs_the_one_that_allows_decides() -> None:
    there, other = world(allow("a", "b")), world(rule(f"DENY TCP * -> {B}"))
    for mine, theirs in (
        (there.routed.pods, other.routed.pods),
        (there.routed.rows, other.routed.rows),
    ):
        mine |= {key.replace("main|", "another|", 1): row for key, row in theirs.items()}

    rules = there.explain("a", "b", "80").ways[0].rules

    assert {(each.graph, each.action): each.decides for each in rules} == {
        ("main", "ALLOW"): True,
        ("another", "DENY"): False,
    }


def served(there: World, *names: str) -> None:
    for rev, name in enumerate(names, 20):
        labels = {"app": name, "tier": "web"}
        there.pods[f"default/{name}"]["metadata"]["labels"] = labels
        there.tell(claimed(name, rev, labels=labels))
    shop = Service(selector={"tier": "web"}, ports=(ServicePort(port=80, target=8080),))
    told = shop.model_dump()
    there.tell(claimed("s", 30, name="shop", labels={}, service=told, address=SERVICE))


@pytest.mark.parametrize("name", [SERVICE, "shop", "default/shop", "service:shop"])
def test_a_service_is_all_pods_behind_it_at_their_own_port(name: str) -> None:
    there = world()
    served(there, "b", "c")
    there.tell(change(2, added=(allow("a", SERVICE),)))

    found = there.explain("a", name, "80")

    assert [(way.to, way.port, way.reaches) for way in found.ways] == [
        ("default/b", "TCP 8080", True),
        ("default/c", "TCP 8080", True),
    ]
    assert found.ways[0].rules[0].text == f"ALLOW TCP {A}:* -> {SERVICE}:80"
    assert found.why.startswith("2 of 2 pods behind it are reached")


def test_a_service_that_is_reached_in_part_or_not_at_all_says_why() -> None:
    there = world(allow("a", "b", 8080))
    served(there, "b", "c")

    part, other = there.explain("a", "shop", "80"), there.explain("a", "shop", "81")

    assert not part.reaches
    assert part.why.startswith("1 of 2 pods behind it are reached. default/c: No rule")
    assert other.why == "Service default/shop does not listen at TCP 81."
    with pytest.raises(ValueError, match="sends nothing"):
        there.explain("shop", "a")


def test_an_address_outside_has_one_half_only() -> None:
    outside = minus(EVERYWHERE, networks(["10.0.0.0/8"]))
    there = world(allow("a", "192.0.2.7", 443), outside=outside)

    yes, no = there.explain("a", "192.0.2.7", "443"), there.explain("192.0.2.7", "a", "443")

    assert (yes.reaches, no.reaches) == (True, False)
    assert (yes.ways[0].ingress.elsewhere, yes.ways[0].rules[0].decides) == (OUTSIDE, True)
    assert world().explain("a", "192.0.2.7").ways[0].ingress.elsewhere == UNMEANT


def test_an_identity_is_explained_by_one_of_its_pods() -> None:
    there = World("a")
    shop = Identity(kind="Deployment", name="b", selector={"app": "b"}, aliases=(B,))
    there.pods |= World("b").pods
    told = {"name": "deployment.b", "uid": "uid-shop", "address": "10.200.0.1"}
    there.tell(claimed("b", 9, identity=shop.model_dump(), **told))
    there.tell(change(1, elements=(allow("a", "10.200.0.1"),)))

    by_pod, by_name = there.explain("a", "b", "80"), there.explain("a", "deployment.b", "80")

    assert by_pod.reaches
    assert by_name.to == "default/deployment.b (as default/b)"
    for found in (by_pod, by_name):
        assert found.ways[0].rules[0].text == f"ALLOW TCP {A}:* -> 10.200.0.1:80"
        assert found.ways[0].ingress.standing.key == "local/default/deployment.b"


def test_a_pod_of_another_cluster_is_judged_where_it_is_met() -> None:
    link = Link("local", "far", dialled=("172.16.0.1/32",))
    there = world(links=(link,))
    there.tell(claimed("z", 9, cluster="far"), change(2, added=(allow("a", "z"),)))

    found = there.explain("a", "far/default/z", "80")

    assert found.reaches
    assert "in cluster far" in found.ways[0].ingress.elsewhere
    assert InexactReason.SHARED_ADDRESS in {each.reason for each in found.ways[0].unsaid}


def test_who_is_on_a_nodes_network_or_nobody_is_refused_with_the_reason() -> None:
    there = world()
    there.on_host = ("default/agent",)

    with pytest.raises(ValueError, match="node's network, where policies do not hold"):
        there.explain("agent", "a")
    with pytest.raises(ValueError, match="'nobody' is known"):
        there.explain("a", "nobody")


def test_a_pod_reaches_itself() -> None:
    assert world().explain("a", "a", "80").reaches
