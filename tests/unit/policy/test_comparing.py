"""What differs between rules and stored policies is found, whole, and with who is the cause."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.policy.comparing import compare, compare_beyond, open_pods
from streams.policy.flows import Flows
from streams.records.ports import PortRange
from streams.records.views import Errs
from streams.rules.portsets import EVERYTHING, NOTHING, PortSet
from streams.rules.spaces import EVERYWHERE, NOWHERE, minus, networks
from tests.unit.policy.drawn import NAMESPACES, pods, policies
from tests.unit.policy.test_flows import named

HTTP = PortSet(tcp=(PortRange(80, 80),))
some_ports = st.sampled_from([NOTHING, HTTP, EVERYTHING, PortSet(udp=(PortRange(0, 65535),))])
pairs = st.tuples(*[st.sampled_from([f"pod-{number}" for number in range(4)])] * 2)


def pod(name: str) -> dict[str, Any]:
    meta = {"uid": name, "name": name, "namespace": "default", "labels": {"app": name}}
    return {"metadata": meta, "status": {"podIP": "10.0.0.1"}}


def policy(name: str, selects: str, **rules: Any) -> dict[str, Any]:
    spec = {
        "podSelector": {"matchLabels": {"app": selects}},
        "policyTypes": ["Ingress", "Egress"],
        **rules,
    }
    return {"metadata": {"namespace": "default", "name": name}, "spec": spec}


def whom(name: str) -> list[dict[str, Any]]:
    return [{"podSelector": {"matchLabels": {"app": name}}}]


TWO = {"default/a": pod("a"), "default/b": pod("b")}
PORTS = [{"port": 80}]
CLOSED = [policy("a", "a"), policy("b", "b")]
OPENED = [
    policy("a", "a", egress=[{"to": whom("b"), "ports": PORTS}]),
    policy("b", "b", ingress=[{"from": whom("a"), "ports": PORTS}]),
]
A_TO_B = {("default/a", "default/b"): HTTP}


@given(pods(), st.lists(policies(), max_size=4), st.dictionaries(pairs, some_ports, max_size=4))
def test_what_is_stored_is_what_is_allowed_but_for_the_differences(
    known: list[dict[str, Any]], written: list[dict[str, Any]], allowed: dict[Any, PortSet]
) -> None:
    flows = Flows(named(known), written, NAMESPACES)
    allowed = {pair: ports for pair, ports in allowed.items() if pair[0] != pair[1]}
    found = {(each.errs, each.source, each.destination): each for each in compare(allowed, flows)}
    opened = set(open_pods(flows))

    for one in flows.names:
        for two in flows.names:
            if one == two:
                continue
            wider, narrower = (
                found[errs, one, two].ports if (errs, one, two) in found else NOTHING
                for errs in Errs
            )
            meant = allowed.get((one, two), NOTHING)
            if {(one, "egress"), (two, "ingress")} <= opened:
                assert not wider
            else:
                assert (meant - narrower) | wider == flows.between(one, two)
                assert not meant & wider
                assert not narrower - meant


def test_rules_that_hold_are_no_difference() -> None:
    assert list(compare(A_TO_B, Flows(TWO, OPENED))) == []
    assert list(open_pods(Flows(TWO, OPENED))) == []


def test_what_another_policy_opens_is_wider_and_names_it() -> None:
    foreign = policy("theirs", "b", ingress=[{"ports": [{"port": 22}]}])
    generous = policy("a", "a", egress=[{"to": whom("b")}])

    (found,) = compare(A_TO_B, Flows(TWO, [*OPENED, foreign, generous]))

    assert found.errs is Errs.WIDER
    assert found.ports == PortSet(tcp=(PortRange(22, 22),))
    assert found.example == "TCP 22 default/a -> default/b"
    assert found.policies == ("default/a", "default/theirs")


def test_what_a_policy_closes_is_narrower_and_names_it() -> None:
    (found,) = compare(A_TO_B, Flows(TWO, [OPENED[0], CLOSED[1]]))

    assert (found.errs, found.example) == (Errs.NARROWER, "TCP 80 default/a -> default/b")
    assert found.policies == ("default/b",)


def test_an_open_pod_is_one_fact_and_not_one_about_each_pair() -> None:
    flows = Flows(TWO, [])

    assert list(compare({}, flows)) == []
    assert len(list(open_pods(flows))) == 4


def test_pings_are_told_where_no_port_differs() -> None:
    everything = [
        policy("a", "a", egress=[{"to": whom("b")}]),
        policy("b", "b", ingress=[{"from": whom("a")}]),
    ]
    ported = EVERYTHING - PortSet(other=True)

    (found,) = compare({("default/a", "default/b"): ported}, Flows(TWO, everything))

    assert found.example == "ICMP default/a -> default/b"


OUTSIDE = minus(EVERYWHERE, networks(["10.0.0.0/24"]))
RESOLVER = {"ipBlock": {"cidr": "8.8.8.8/32"}}
DNS = {("Egress", "default/a"): [(networks(["8.8.8.8/32"]), HTTP)]}


def test_addresses_outside_that_are_as_the_rules_say_are_no_difference() -> None:
    stored = [policy("a", "a", egress=[{"to": [RESOLVER], "ports": PORTS}]), CLOSED[1]]

    assert list(compare_beyond(DNS, Flows(TWO, stored), OUTSIDE)) == []


def test_a_block_that_somebody_opens_is_wider_with_one_of_its_addresses() -> None:
    block = {"cidr": "8.8.0.0/16", "except": ["8.8.8.0/24"]}
    stored = [
        policy("a", "a", egress=[{"to": [RESOLVER], "ports": PORTS}]),
        policy("theirs", "a", ingress=[{"from": [{"ipBlock": block}]}]),
    ]

    found = list(compare_beyond(DNS, Flows(TWO, stored), OUTSIDE))

    assert {each.errs for each in found} == {Errs.WIDER}
    assert [each.example for each in found] == [
        "TCP 1 8.8.0.0 -> default/a",
        "TCP 1 8.8.9.0 -> default/a",
    ]
    assert found[0].policies == ("default/theirs",)


def test_what_lets_everybody_in_lets_strangers_in_but_for_pods_addresses() -> None:
    (found, *more) = compare_beyond(
        {}, Flows(TWO, [policy("a", "a", egress=[{}]), CLOSED[1]]), OUTSIDE
    )

    assert (found.source, found.ports) == ("default/a", EVERYTHING)
    assert [each.destination for each in more] == ["10.0.1.0"]


def test_what_is_not_let_out_is_narrower() -> None:
    (found,) = compare_beyond(DNS, Flows(TWO, CLOSED), OUTSIDE)

    assert (found.errs, found.example) == (Errs.NARROWER, "TCP 80 default/a -> 8.8.8.8")


def test_blocks_of_the_other_address_family_are_nobodys() -> None:
    six = policy("a", "a", egress=[{"to": [{"ipBlock": {"cidr": "::/0"}}]}])

    assert list(compare_beyond({}, Flows(TWO, [six, CLOSED[1]]), OUTSIDE)) == []


def test_where_nothing_is_outside_nothing_is_compared() -> None:
    opened = policy("a", "a", egress=[{}])

    assert list(compare_beyond({}, Flows(TWO, [opened, CLOSED[1]]), NOWHERE)) == []
