"""A rule that names a Service's address is about the pods behind it, at their own ports."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.flow import router
from streams.flow.compiler import PodRulesRow
from streams.flow.judging import Judging
from streams.flow.views import resolve
from streams.records.facts import GraphFact
from streams.records.policies import PolicyPatch
from streams.records.rules import Rule
from streams.records.views import PodRef, Service, ServicePort
from tests.reading import allowed_ports
from tests.unit.flow.records import (
    ROUTING,
    Routed,
    address_of,
    allow,
    at,
    change,
    claim,
    opening,
)
from tests.unit.rules.worlds import rule

ADDRESS, ANOTHER = "10.96.0.7", "10.96.0.8"
BALANCER, OTHER = "203.0.113.9", "203.0.113.10"
PODS = "abcd"


def pod(name: str, rev: int, live: bool = True, tier: str = "", **more: Any) -> GraphFact:
    fact = claim(name, rev, live)
    assert fact.claim is not None
    labels = {"app": name} | ({"tier": tier} if tier else {})
    ref = fact.claim.pod.model_copy(update={"labels": labels, **more})
    return fact.model_copy(update={"claim": fact.claim.model_copy(update={"pod": ref})})


def service(
    rev: int,
    target: int | str = 8080,
    live: bool = True,
    uid: str = "uid-shop",
    address: str = ADDRESS,
    tier: str = "web",
    port: int = 80,
    further: tuple[str, ...] = (),
) -> GraphFact:
    fact = claim("shop", rev, live, uid=uid, address=address)
    assert fact.claim is not None
    told = Service(
        selector={"tier": tier} if tier else {},
        ports=(ServicePort(port=port, target=target), ServicePort(port=443, target=8443)),
        further=further,
    )
    ref = fact.claim.pod.model_copy(update={"labels": {}, "service": told})
    return fact.model_copy(update={"claim": fact.claim.model_copy(update={"pod": ref})})


def to_service(source: str = "a", port: int | str = 80, address: str = ADDRESS) -> Rule:
    return allow(source, address, port)


def world(*facts: GraphFact, judging: Judging = ROUTING.judging) -> Routed:
    """Have a alone, and b and c behind the Service."""
    routed = Routed(ROUTING._replace(judging=judging))
    routed.tell(pod("a", 0), pod("b", 1, tier="web"), pod("c", 2, tier="web"), *facts, *opening())
    return routed


def reach(routed: Routed) -> dict[tuple[str, str], Any]:
    """Return what the written policies let one pod send to another by TCP."""
    rows = {key.rpartition("/")[2]: row for key, row in routed.compiled.items()}
    written = [row.patch.manifest for row in rows.values() if row.patch and row.patch.manifest]
    index = routed.graph.index
    known = {
        row.pod.name: {
            "namespace": "default",
            "name": row.pod.name,
            "labels": row.pod.labels,
            "ip": address_of(row.pod.name),
        }
        for row in index.pods.values()
        if row.live and row.pod.service is None
    }
    return {
        (one, two): spans
        for one in known
        for two in known
        if one != two
        and (
            spans := allowed_ports(written, list(known.values()), *map(address_of, (one, two))).tcp
        )
    }


def test_whoever_may_call_a_service_may_call_its_pods_at_their_ports() -> None:
    routed = world(service(3), change(4, added=(to_service(),)))

    assert reach(routed) == {("a", "b"): ((8080, 8080),), ("a", "c"): ((8080, 8080),)}
    assert not any("service:" in key for key in routed.compiled)


def test_it_does_not_matter_whether_the_rule_or_the_service_comes_first() -> None:
    routed = world(change(3, added=(to_service(),)))
    assert reach(routed) == {}

    routed.tell(service(4))

    assert reach(routed) == {("a", "b"): ((8080, 8080),), ("a", "c"): ((8080, 8080),)}


def test_pods_come_behind_a_service_and_leave_it_by_their_labels() -> None:
    routed = world(service(3), change(4, added=(to_service(),)))

    told = {patch.key for patch in routed.tell(pod("b", 5), pod("d", 6, tier="web"))}
    # Who calls is told as well: nothing is left in its policy of who left.
    assert "local/default/a" in told
    assert reach(routed).keys() == {("a", "c"), ("a", "d")}
    routed.tell(pod("c", 7, live=False, tier="web"))
    assert reach(routed).keys() == {("a", "d")}


@pytest.mark.parametrize(
    ("changed", "ports"),
    [
        (service(5, target=9090), ((9090, 9090),)),
        (service(5, port=81), ()),
        (service(5, tier="other"), ()),
        (service(5, tier=""), ()),
        (service(5, live=False), ()),
        (service(5, address=ANOTHER), ()),
    ],
    ids=["target", "port", "selector", "no selector", "gone", "address"],
)
def test_a_service_that_changes_is_followed(changed: GraphFact, ports: Any) -> None:
    routed = world(service(3), change(4, added=(to_service(),)))

    routed.tell(changed)

    assert reach(routed).get(("a", "b"), ()) == ports


def test_the_next_service_with_that_address_inherits_nothing() -> None:
    routed = world(service(3), change(4, added=(to_service(),)))

    routed.tell(service(5, live=False), service(6, uid="uid-another"))

    assert reach(routed) == {}


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        (f"ALLOW TCP 10.0.0.11 -> {ADDRESS}:443", ((8443, 8443),)),
        (f"ALLOW TCP 10.0.0.11 -> {ADDRESS}:1-500", ((8080, 8080), (8443, 8443))),
        (f"ALLOW ANY 10.0.0.11 -> {ADDRESS}", ((8080, 8080), (8443, 8443))),
        (f"ALLOW UDP 10.0.0.11 -> {ADDRESS}:80", ()),
        (f"ALLOW TCP 10.0.0.11 -> {ADDRESS}:8080", ()),
        (f"ALLOW TCP {ADDRESS} -> 10.0.0.12:80", ()),
        ("ALLOW TCP 10.0.0.11 -> 10.96.-1.-1:80", ()),
    ],
)
def test_only_ports_of_the_service_count_and_only_where_it_is_named(text: str, ports: Any) -> None:
    routed = world(service(3), change(4, added=(rule(text),)))

    assert reach(routed).get(("a", "b"), ()) == ports


def test_a_port_by_name_is_that_of_each_pod() -> None:
    routed = world(
        pod("b", 4, tier="web", named_ports={"TCP/http": 8001}),
        pod("c", 5, tier="web", named_ports={"UDP/http": 8002}),
        service(6, target="http"),
        change(7, added=(to_service(),)),
    )

    assert reach(routed) == {("a", "b"): ((8001, 8001),)}


def test_a_deny_holds_at_the_pods_too() -> None:
    deny = rule(f"DENY TCP 10.0.0.11 -> {ADDRESS}:80")
    every = rule("ALLOW TCP 10.0.0.11 -> 10.0.0.12:8000-8100")
    routed = world(service(3), change(4, elements=(deny, every), ordered=True))

    assert reach(routed) == {("a", "b"): ((8000, 8079), (8081, 8100))}


@pytest.mark.parametrize(
    "port",
    [
        {"port": 80, "target": 70000},
        {"port": 80, "target": 0},
        {"port": 0, "target": 80},
        {"port": 80, "target": "n" * 64},
        {"port": 80, "target": 80, "protocol": "ICMP"},
    ],
)
def test_a_port_that_is_none_never_reaches_a_rule(port: Any) -> None:
    with pytest.raises(ValueError, match="validation error"):
        ServicePort.model_validate(port)


# Facts in any order, some of them met again: whatever was sent last is what the rows say.
facts = st.one_of(
    st.builds(
        lambda name, live, tier: ("pod", name, live, tier),
        st.sampled_from(PODS),
        st.sampled_from([True, True, True, False]),
        st.sampled_from(["", "web", "db"]),
    ),
    st.builds(
        lambda live, address, tier, target, uid, further: (
            ("service", live, address, tier, target, uid, further)
        ),
        st.sampled_from([True, True, False]),
        st.sampled_from([ADDRESS, ADDRESS, ANOTHER]),
        st.sampled_from(["web", "db", ""]),
        st.sampled_from([8080, 9090]),
        st.sampled_from(["one", "one", "two"]),
        st.sampled_from([(), (), (BALANCER,), (BALANCER, OTHER)]),
    ),
    st.lists(
        st.builds(
            lambda source, to, port: to_service(source, port, to),
            st.sampled_from([*PODS, "*", "10.0.0.-1"]),
            st.sampled_from([ADDRESS, ANOTHER, BALANCER, OTHER, address_of("b")]),
            st.sampled_from([80, "1-500", "*"]),
        ),
        max_size=3,
    ).map(lambda rules: ("rules", tuple(rules))),
)


def busy() -> Routed:
    """Have a world in which nearly every change is one for somebody."""
    rules = (to_service(), to_service("d", "*"), to_service("a", 443, ANOTHER))
    return world(service(3), change(4, elements=rules, ordered=False))


def fact_of(told: tuple[Any, ...], rev: int) -> GraphFact:
    if told[0] == "pod":
        return pod(told[1], rev, told[2], told[3])
    if told[0] == "service":
        _, live, address, tier, target, uid, further = told
        return service(rev, target, live, uid, address, tier, further=further)
    return change(rev, elements=told[1], ordered=False)


@given(st.lists(facts, max_size=12), st.lists(st.integers(0, 30), max_size=4), st.booleans())
@settings(max_examples=2 * settings().max_examples)
def test_whatever_happens_every_pod_was_told_what_the_rows_say(
    told: list[tuple[Any, ...]], again: list[int], killed: bool
) -> None:
    routed = busy()
    for number, each in enumerate(told):
        routed.tell(fact_of(each, 10 + number))
    if killed:
        routed.restart()
    for number in sorted(again):
        # From there on all is met again, as after a kill.
        for offset in range(number, len(routed.facts)):
            routed._compile(routed.again(offset))

    for key, row in routed.graph.index.pods.items():
        if row.pod.service is None:
            assert said(routed.compiled.get(key)) == meant(routed, row.pod, row.live)


@given(st.lists(facts, min_size=1, max_size=10))
@example([("rules", (to_service(),)), ("service", True, ANOTHER, "db", 8080, "one", ())])
@example(
    [
        ("service", True, ADDRESS, "web", 8080, "one", (BALANCER,)),
        ("rules", (to_service(address=BALANCER),)),
        ("service", True, ADDRESS, "db", 8080, "one", ()),
    ]
)
def test_met_again_a_fact_speaks_for_all_whom_it_changed(told: list[tuple[Any, ...]]) -> None:
    routed = busy()
    for number, each in enumerate(told[:-1]):
        routed.tell(fact_of(each, 10 + number))
    last = fact_of(told[-1], 10 + len(told))
    changed: set[str] = {patch.key for patch in routed.tell(last)}

    outputs = router.handle(routed.graph, last, at(len(routed.facts) - 1), routed.routing)

    assert changed <= {output.key for output in outputs}  # type: ignore[union-attr]


def said(row: PodRulesRow | None) -> Any:
    patch: PolicyPatch | None = row.patch if row else None
    return row.views["main"].rules.allowances if row and patch else ()


def meant(routed: Routed, ref: PodRef, live: bool) -> Any:
    if not live:
        return ()
    return resolve(routed.graph.index, ref, routed.routing.judging).allowances
