"""A rule may name any address under which an identity is seen, and means the identity from then."""

from __future__ import annotations

import pytest

from streams.flow import router
from streams.flow.graph_rows import End
from streams.flow.judging import Judging
from streams.flow.output import Refusal, Send
from streams.records.facts import GraphFact
from streams.records.policies import PodRules
from streams.records.rules import Action, Rule
from streams.records.views import Errs, Inexactness, Service, ServicePort
from streams.rules.spaces import EVERYWHERE, minus, networks
from tests.unit.flow.identified import canonical, identity, key, living
from tests.unit.flow.records import ROUTING, Routed, allow, at, change, claim, opening

A, B, C, X = "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.99"
SHOP = "10.96.0.7"
A_TO_B = {f"{key('a')} -> {key('b')}"}


def deny(source: str, destination: str) -> Rule:
    return allow(source, destination).model_copy(update={"action": Action.DENY})


def world(*facts: GraphFact) -> Routed:
    routed = Routed()
    routed.tell(*living(), *facts, *opening())
    return routed


def flows(routed: Routed) -> set[str]:
    """Return who may send something to whom, where both sides say so."""
    sides: dict[str, set[str]] = {"egress": set(), "ingress": set()}
    for subject, row in routed.compiled.items():
        for view in row.views.values():
            for each in view.rules.allowances if not view.gone else ():
                ends = (subject, each.peer.key)
                source, destination = ends if each.direction == "egress" else reversed(ends)
                sides[each.direction].add(f"{source} -> {destination}")
    assert sides["egress"] == sides["ingress"]
    return sides["egress"]


@pytest.mark.parametrize("source", [A, canonical("a")])
@pytest.mark.parametrize("destination", [B, canonical("b")])
def test_a_rule_names_an_identity_by_its_own_address_or_by_any_of_its_pods(
    source: str, destination: str
) -> None:
    assert flows(world(change(0, added=(allow(source, destination),)))) == A_TO_B


def test_a_pod_is_replaced_and_a_stranger_gets_its_address_and_nothing_else() -> None:
    routed = world(change(0, added=(allow(A, B),)))

    routed.tell(identity("a", 10, X))
    routed.tell(identity("c", 11, A, C))

    assert flows(routed) == A_TO_B


def test_an_alias_of_two_identities_is_nobodys_until_one_lets_go() -> None:
    routed = world(identity("c", 9, C, X), identity("a", 10, A, X))
    routed.tell(change(0, added=(allow(X, B),)))
    assert flows(routed) == set()

    routed.tell(identity("c", 11, C))

    assert flows(routed) == A_TO_B


def test_what_is_bound_already_stays_when_another_claims_the_alias_too() -> None:
    routed = world(change(0, added=(allow(A, B),)))

    routed.tell(identity("c", 10, A, C))

    assert flows(routed) == A_TO_B


def test_a_rule_waits_for_an_alias_that_comes_later() -> None:
    routed = world(change(0, added=(allow(X, B),)))
    assert flows(routed) == set()

    routed.tell(identity("a", 10, A, X))

    assert flows(routed) == A_TO_B


def test_a_rule_on_an_alias_is_revoked_after_the_alias_moved() -> None:
    rule = allow(A, B)
    routed = world(change(0, added=(rule,)))
    routed.tell(identity("a", 10, X), identity("c", 11, A, C))

    routed.tell(change(1, removed=(rule,)))

    assert flows(routed) == set()


def test_said_anew_a_rule_means_whoever_has_the_alias_by_then() -> None:
    rule = allow(A, B)
    routed = world(change(0, added=(rule,)))
    routed.tell(identity("a", 10, X), identity("c", 11, A, C))

    routed.tell(change(1, removed=(rule,), added=(rule,)))

    assert flows(routed) == {f"{key('c')} -> {key('b')}"}


def test_an_identity_of_the_same_name_or_address_inherits_nothing_from_the_one_before() -> None:
    routed = world(change(0, added=(allow(A, B),)))

    routed.tell(identity("a", 10, live=False), identity("a", 11, A, uid="identity-1-later"))
    assert flows(routed) == set()

    routed.tell(identity("x", 12, X, address=canonical("a"), uid="identity-1-x"))
    assert flows(routed) == set()


def test_an_own_address_wins_over_an_alias_of_the_same_text() -> None:
    routed = world(identity("c", 9, C, canonical("a")))

    routed.tell(change(0, added=(allow(canonical("a"), B),)))

    assert flows(routed) == A_TO_B


@pytest.mark.parametrize("wide", ["*", "198.18.0.-1"])
def test_ranges_mean_own_addresses_only(wide: str) -> None:
    routed = world(change(0, added=(allow(wide, B), allow("10.0.0.-1", C))))

    assert flows(routed) == A_TO_B | {f"{key('c')} -> {key('b')}"}


def test_a_deny_on_an_alias_is_for_whom_it_was_said_and_for_whoever_claims_it_now() -> None:
    routed = world(change(0, added=(allow("*", B), deny(A, B))))
    c_to_b = {f"{key('c')} -> {key('b')}"}
    assert flows(routed) == c_to_b

    routed.tell(identity("c", 10, A, C))
    assert flows(routed) == set()

    routed.tell(identity("a", 11, X))
    assert flows(routed) == set()

    routed.tell(identity("c", 12, C))
    assert flows(routed) == c_to_b


def test_a_rule_for_both_ways_is_read_backwards_as_it_is_meant() -> None:
    routed = Routed(ROUTING._replace(judging=Judging(reverse=True)))
    both = allow(A, B).model_copy(update={"directional": False})
    routed.tell(*living(), change(0, added=(both,)), *opening())

    routed.tell(identity("a", 10, X), identity("c", 11, A, C))

    assert flows(routed) == A_TO_B | {f"{key('b')} -> {key('a')}"}


def test_a_rule_from_an_alias_to_an_address_outside_is_the_identitys() -> None:
    outside = minus(EVERYWHERE, networks(["10.0.0.0/16", "198.18.0.0/15"]))
    routed = Routed(ROUTING._replace(judging=Judging(outside=outside)))
    routed.tell(*living(), change(0, added=(allow(A, "8.8.8.8"),)), *opening())
    routed.tell(identity("a", 10, X), identity("c", 11, A, C))

    views = {each: row.views["main"].rules.outside for each, row in routed.compiled.items()}

    assert [block.cidr for block in views[key("a")][0].blocks] == ["8.8.8.8/32"]
    assert views[key("c")] == ()


def test_a_rule_from_an_alias_to_a_service_is_about_the_identities_behind_it() -> None:
    shop = claim("shop", 9, address=SHOP)
    assert shop.claim is not None
    told = Service(selector={"app": "b"}, ports=(ServicePort(port=80, target=8080),))
    ref = shop.claim.pod.model_copy(update={"labels": {}, "service": told})
    behind = shop.model_copy(update={"claim": shop.claim.model_copy(update={"pod": ref})})
    routed = world(behind, change(0, added=(allow(A, SHOP),)))

    routed.tell(identity("a", 10, X), identity("c", 11, A, C))

    assert flows(routed) == A_TO_B
    (allowance,) = routed.compiled[key("a")].views["main"].rules.allowances
    assert [each.first for each in allowance.ports] == [8080]


def test_scaling_looks_at_nobody_and_writes_nothing() -> None:
    routed = world(change(0, added=(allow(A, B),)))
    before = routed.views

    assert routed.tell(identity("a", 10, A, "10.0.0.51", "10.0.0.52"), identity("a", 11, A)) == []
    assert routed.views == before


def test_no_view_is_longer_for_the_aliases_of_a_peer() -> None:
    routed = world(change(0, added=(allow(A, B),)))

    peers = [
        each.peer for row in routed.compiled.values() for each in row.views["main"].rules.allowances
    ]

    assert [peer.aliases for peer in peers] == [(), ()]


@pytest.mark.row("E36")
def test_nothing_flows_to_or_from_an_identity_whose_labels_a_stranger_wears() -> None:
    stranger = "local/default/x"
    rules = change(0, added=(allow(A, B), allow(B, C)))
    routed = world(rules, identity("a", 9, A, shared_with=stranger))

    assert flows(routed) == {f"{key('b')} -> {key('c')}"}
    (report,) = routed.compiled[key("b")].views["main"].rules.inexact
    example = f"TCP 80 {key('a')} -> {key('b')}: {stranger} wears the labels of {key('a')}"
    rule = f"ingress {key('a')}"
    assert report == Inexactness(
        rule=rule, errs=Errs.NARROWER, reason="shared-label", example=example
    )

    routed.tell(identity("a", 10, A))
    assert flows(routed) == A_TO_B | {f"{key('b')} -> {key('c')}"}


def test_met_again_a_claim_that_ended_a_conflict_speaks_for_the_heir_as_well() -> None:
    routed = world(change(0, added=(allow(X, B),)), identity("a", 9, A, X), identity("c", 10, X))
    routed.tell(identity("c", 11, C))
    last = len(routed.facts) - 1

    # As after a kill between the claim's row and the bindings that follow from it.
    for lost in [each for each in routed.pods if "|bound|" in each]:
        if routed.pods[lost].binding.end is End.SOURCE:
            del routed.pods[lost]
    routed.restart()
    sent = routed.again(last)

    spoken = {one.key for one in sent if isinstance(one.value, PodRules)}  # type: ignore[union-attr]
    assert spoken >= {key("a"), key("b")}
    views = {one.key: one.value for one in sent}  # type: ignore[union-attr]
    assert [each.peer.key for each in views[key("a")].allowances] == [key("b")]  # type: ignore[union-attr]


@pytest.mark.row("X26")
def test_of_a_change_that_opens_too_much_identities_are_counted_and_not_their_pods() -> None:
    routed = world(identity("a", 9, *(f"10.0.1.{n}" for n in range(1, 99))))
    routing = ROUTING._replace(blast_limit=2)
    few, many = change(0, added=(allow("10.0.1.7", B),)), change(1, added=(allow("*", C),))

    taken = router.handle(routed.graph, few, at(90), routing)
    (refused,) = router.handle(routed.graph, many, at(91), routing)

    assert {each.key for each in taken if isinstance(each, Send)} == {key("a"), key("b")}
    assert isinstance(refused, Refusal)
    assert refused.detail == "it would open something for 3 pods, and the limit is 2"
