"""A rule may name any address of a Service: its own, a load balancer's, or an external one."""

from __future__ import annotations

from typing import Any

import pytest

from streams.flow.judging import Judging
from streams.records.facts import GraphFact
from streams.records.marks import Stamp
from streams.records.rules import Action
from streams.records.views import Errs, Inexactness, Service, ServicePort
from streams.rules.spaces import EVERYWHERE, minus, networks
from tests.unit.flow.records import Routed, allow, change, claim
from tests.unit.flow.test_services import ADDRESS, ANOTHER, reach, to_service, world

BALANCER, EXTERNAL = "203.0.113.9", "198.51.100.3"
BEHIND = {("a", "b"): ((8080, 8080),), ("a", "c"): ((8080, 8080),)}


def service(
    rev: int,
    *further: str,
    name: str = "shop",
    address: str = ADDRESS,
    live: bool = True,
    translated: bool = False,
    tier: str = "web",
) -> GraphFact:
    fact = claim(name, rev, live, uid=f"uid-{name}", address=address)
    assert fact.claim is not None
    told = Service(
        selector={"tier": tier} if tier else {},
        ports=(ServicePort(port=80, target=8080),),
        further=further,
        translated=translated,
    )
    ref = fact.claim.pod.model_copy(update={"labels": {}, "service": told, "incarnation": 0})
    # Since when it has its own address.
    since = Stamp(lease=1, n=0)
    said = fact.claim.model_copy(update={"pod": ref, "since": since})
    return fact.model_copy(update={"claim": said})


def inexact(routed: Routed, name: str) -> tuple[Inexactness, ...]:
    return routed.compiled[f"local/default/{name}"].views["main"].rules.inexact


@pytest.mark.parametrize("named", [ADDRESS, BALANCER, EXTERNAL])
def test_whoever_may_call_any_address_of_a_service_may_call_its_pods(named: str) -> None:
    routed = world(service(3, BALANCER, EXTERNAL), change(4, added=(to_service(address=named),)))

    assert reach(routed) == BEHIND


def test_a_rule_waits_for_the_address_of_a_load_balancer() -> None:
    routed = world(service(3), change(4, added=(to_service(address=BALANCER),)))
    assert reach(routed) == {}

    routed.tell(service(5, BALANCER))
    assert reach(routed) == BEHIND


def test_the_next_service_with_the_address_inherits_nothing_and_the_first_keeps_its_callers():
    routed = world(service(3, BALANCER), change(4, added=(to_service(address=BALANCER),)))

    routed.tell(service(5), service(6, BALANCER, name="evil", address=ANOTHER, tier="x"))
    assert reach(routed) == BEHIND

    routed.tell(service(7, live=False))
    assert reach(routed) == {}


def test_an_address_of_two_services_is_nobodys_until_one_lets_go() -> None:
    routed = world(
        service(3, BALANCER),
        service(4, BALANCER, name="also", address=ANOTHER, tier="x"),
        change(5, added=(to_service(address=BALANCER),)),
    )
    assert reach(routed) == {}

    routed.tell(service(6, name="also", address=ANOTHER, tier="x"))
    assert reach(routed) == BEHIND


def test_a_deny_on_a_further_address_holds_at_the_pods() -> None:
    deny = to_service(address=BALANCER).model_copy(update={"action": Action.DENY})
    every = allow("a", "10.0.0.12", "8000-8100")
    routed = world(service(3), change(4, elements=(deny, every), ordered=True))
    assert reach(routed) == {("a", "b"): ((8000, 8100),)}

    routed.tell(service(5, BALANCER))
    assert reach(routed) == {("a", "b"): ((8000, 8079), (8081, 8100))}

    # For whom it was meant it stays, whoever has the address later.
    routed.tell(service(6))
    assert reach(routed) == {("a", "b"): ((8000, 8079), (8081, 8100))}


def test_who_calls_from_another_namespace_is_told_that_a_deny_is_over() -> None:
    caller = claim("x", 5)
    assert caller.claim is not None
    away = caller.claim.pod.model_copy(update={"namespace": "other"})
    deny = to_service("x", address=BALANCER).model_copy(update={"action": Action.DENY})
    others = {"also": ANOTHER, "third": "10.96.0.9"}
    routed = world(
        service(3, BALANCER),
        *(service(4, BALANCER, name=name, address=own, tier="x") for name, own in others.items()),
        caller.model_copy(update={"claim": caller.claim.model_copy(update={"pod": away})}),
        change(6, added=(deny, allow("x", "10.0.0.12", "8000-8100"))),
    )

    told = {patch.key for patch in routed.tell(service(7))}

    assert told == {"local/other/x", "local/default/b"}


def test_it_is_said_that_a_node_may_put_its_own_address_in_place_of_the_callers() -> None:
    rules = (to_service(address=BALANCER), to_service("d"))
    routed = world(service(3, BALANCER, translated=True), change(4, added=rules))

    (report,) = inexact(routed, "b")
    assert (report.errs, report.reason) == (Errs.NARROWER, "source-nat")
    assert report.rule == f"ALLOW TCP 10.0.0.11:* -> {BALANCER}:80"
    assert report.example == (f"TCP 8080 local/default/a -> local/default/b by way of {BALANCER}")
    assert {each.reason for each in inexact(routed, "a")} == {"source-nat"}


def test_where_callers_keep_their_addresses_nothing_is_reported() -> None:
    routed = world(service(3, BALANCER), change(4, added=(to_service(address=BALANCER),)))

    assert inexact(routed, "b") == ()


def test_nobody_is_reached_through_a_service_without_a_selector() -> None:
    routed = world(
        service(3, BALANCER, tier="", translated=True),
        change(4, added=(to_service(address=BALANCER),)),
    )

    assert reach(routed) == {}
    assert inexact(routed, "a") == ()


OUTSIDE = Judging(outside=minus(EVERYWHERE, networks(["10.0.0.0/8"])))


def blocks(routed: Routed, name: str) -> dict[tuple[str, str], Any]:
    rules = routed.compiled[f"local/default/{name}"].views["main"].rules
    return {
        (each.direction, block.cidr): [(span.first, span.last) for span in each.ports]
        for each in rules.outside
        for block in each.blocks
    }


@pytest.mark.parametrize("translated", [True, False])
def test_strangers_who_may_call_a_load_balancer_are_let_in_at_the_pods(translated: bool) -> None:
    routed = world(
        service(3, BALANCER, translated=translated),
        change(4, added=(to_service("8.8.8.8", address=BALANCER),)),
        judging=OUTSIDE,
    )

    assert blocks(routed, "b") == {("ingress", "8.8.8.8/32"): [(8080, 8080)]} == blocks(routed, "c")
    assert blocks(routed, "a") == {}
    said = [each.reason for each in inexact(routed, "b")]
    assert said == (["source-nat"] if translated else [])


def test_a_deny_on_a_load_balancer_holds_for_strangers_too() -> None:
    deny = to_service("8.8.8.8", address=BALANCER).model_copy(update={"action": Action.DENY})
    every = allow("8.8.8.8", "10.0.0.12", "8000-8100")
    routed = world(
        service(3, BALANCER), change(4, elements=(deny, every), ordered=True), judging=OUTSIDE
    )

    assert blocks(routed, "b") == {("ingress", "8.8.8.8/32"): [(8000, 8079), (8081, 8100)]}


def test_strangers_cannot_call_a_service_by_its_own_address() -> None:
    routed = world(service(3, BALANCER), change(4, added=(to_service("8.8.8.8"),)), judging=OUTSIDE)

    assert blocks(routed, "b") == {}


def test_strangers_come_and_go_with_the_address() -> None:
    rules = change(4, added=(to_service("8.8.8.8", address=BALANCER),))
    routed = world(service(3), rules, judging=OUTSIDE)
    assert blocks(routed, "b") == {}

    routed.tell(service(5, BALANCER))
    assert blocks(routed, "b") == {("ingress", "8.8.8.8/32"): [(8080, 8080)]}

    routed.tell(service(6, live=False))
    assert blocks(routed, "b") == {}


def test_an_address_that_no_rule_names_touches_nobody() -> None:
    routed = world(service(3), change(4, added=(to_service(),)))
    before = routed.views

    routed.tell(service(5, BALANCER))
    assert routed.views == before


@pytest.mark.parametrize("further", [(), ("10.0.0.11",)])
def test_a_rule_from_an_address_to_anybody_is_none_about_a_service_that_has_it_too(
    further: tuple[str, ...],
) -> None:
    routed = world(service(3, *further), change(4, added=(allow("a", "*"),)))

    assert reach(routed) == {("a", each): ((80, 80),) for each in "bc"}


@pytest.mark.parametrize("further", [(), (BALANCER,)])
def test_nor_is_it_for_strangers(further: tuple[str, ...]) -> None:
    rules = change(4, added=(allow(BALANCER, "*"),))
    routed = world(service(3, *further), rules, judging=OUTSIDE)

    assert blocks(routed, "b") == {("ingress", f"{BALANCER}/32"): [(80, 80)]}
