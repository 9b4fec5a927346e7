"""The ruleset of a node lets through what the Kubernetes documentation says, and nothing else."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.packets.ruleset import render
from deploy.local.packets.translate import translate
from tests.reading import connects
from tests.unit.local.packets.nft import Packet, passes
from tests.unit.local.packets.worlds import (
    NAMESPACES,
    PORTS,
    World,
    any_world,
    namespaces,
    pod,
    policy,
)

OUTSIDE = "192.0.2.7"
HTTP = (("http", "TCP", 80), ("dns", "UDP", 53))
A = pod("a", "10.0.0.1", app="a")
B = pod("b", "10.0.0.2", app="b", ports=HTTP)
C = pod("c", "10.0.0.3", "shop", app="c", ports=(("http", "TCP", 8080),))


def ruleset(*policies: dict[str, Any], pods: tuple[dict[str, Any], ...] = (A, B, C)) -> str:
    return render(translate(pods, namespaces(), policies))


def reaches(text: str, source: str, destination: str, protocol: str = "TCP", port: int = 80):
    addresses = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3", "outside": OUTSIDE}
    return passes(text, Packet(addresses[source], addresses[destination], protocol, port))


@given(st.randoms(use_true_random=False))
def test_the_text_lets_through_what_the_documentation_says(chance: Random) -> None:
    world = any_world(chance)
    text = render(translate(*world))

    assert differences(world, text) == []


def differences(world: World, text: str) -> list[str]:
    ends = [*(each["ip"] for each in world.readable), OUTSIDE]
    flows = [*((each, port) for each in ("TCP", "UDP", "SCTP") for port in PORTS), ("ICMP", 0)]
    return [
        f"{source} -> {destination} {protocol} {port}: documentation says {wanted}"
        for source in ends
        for destination in ends
        if source != destination
        for protocol, port in flows
        if (wanted := connects(
            world.policies, world.readable, source, destination, protocol, port, NAMESPACES
        )) != passes(text, Packet(source, destination, protocol, port))
    ]  # fmt: skip


def test_without_policies_nothing_is_judged() -> None:
    assert "vmap" not in ruleset()
    assert reaches(ruleset(), "a", "b")


@given(st.randoms(use_true_random=False))
def test_the_order_of_objects_does_not_change_the_text(chance: Random) -> None:
    world = any_world(chance)
    text = render(translate(*world))
    for objects in world:
        chance.shuffle(objects)

    assert render(translate(*world)) == text


def test_a_rule_without_ports_takes_icmp_in_and_one_with_ports_leaves_it_out() -> None:
    everything = ruleset(policy(ingress=[{}]))
    some = ruleset(policy(ingress=[{"ports": [{"protocol": each} for each in ("TCP", "UDP")]}]))

    assert reaches(everything, "a", "b", "ICMP")
    assert not reaches(some, "a", "b", "ICMP")
    assert reaches(some, "a", "b", "UDP", 7)


def test_a_named_port_coming_in_is_what_the_selected_pod_calls_so() -> None:
    text = ruleset(policy(ingress=[{"ports": [{"port": "http"}]}]))

    assert reaches(text, "c", "b", "TCP", 80)
    assert not reaches(text, "c", "b", "TCP", 8080)
    assert not reaches(text, "b", "a", "TCP", 80)


def test_a_named_port_going_out_is_what_each_peer_calls_so() -> None:
    peers = [{"namespaceSelector": {}}]
    text = ruleset(
        policy(policyTypes=["Egress"], egress=[{"to": peers, "ports": [{"port": "http"}]}])
    )

    assert reaches(text, "a", "b", "TCP", 80)
    assert reaches(text, "a", "c", "TCP", 8080)
    assert not reaches(text, "a", "c", "TCP", 80)
    assert not reaches(text, "a", "b", "TCP", 8080)
    assert not reaches(text, "a", "outside", "TCP", 80)


def test_a_named_port_is_of_one_protocol() -> None:
    tcp = ruleset(policy(ingress=[{"ports": [{"port": "dns"}]}]))
    udp = ruleset(policy(ingress=[{"ports": [{"port": "dns", "protocol": "UDP"}]}]))

    assert not reaches(tcp, "a", "b", "UDP", 53)
    assert reaches(udp, "a", "b", "UDP", 53)


@pytest.mark.parametrize(
    "told",
    [
        {"spec": {"hostNetwork": True}},
        {"status": {"phase": "Succeeded", "podIP": "10.0.0.2"}},
        {"status": {"phase": "Pending"}},
        {"status": {"phase": "Running", "podIP": "2001:db8::1"}},
    ],
)
def test_a_pod_without_an_address_of_its_own_is_neither_subject_nor_peer(told: Any) -> None:
    closed = ruleset(policy(ingress=[{"from": [{"podSelector": {}}]}]), pods=(A, {**B, **told}))

    assert "10.0.0.2" not in closed
    assert "daddr vmap { 10.0.0.1 : jump" in closed


def test_text_from_policies_never_gets_into_the_ruleset() -> None:
    evil = "x } ; flush ruleset ; {"
    text = ruleset(
        policy(
            evil,
            podSelector={"matchExpressions": [{"key": evil, "operator": "DoesNotExist"}]},
            ingress=[{"from": [{"podSelector": {"matchLabels": {evil: evil}}}]}],
            egress=[{"ports": [{"port": evil}]}],
        )
    )

    assert "flush" not in text
    assert not reaches(text, "a", "b")


def test_an_operator_nobody_knows_is_an_error_and_not_an_opening() -> None:
    selector = {"matchExpressions": [{"key": "app", "operator": "Like", "values": ["a"]}]}

    with pytest.raises(ValueError, match="Like"):
        ruleset(policy(podSelector=selector))
