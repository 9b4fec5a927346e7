"""The product's reading of stored NetworkPolicies agrees with the independent one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.policy.reach import Reach, both_sides, reach
from streams.records.rules import Protocol
from streams.rules.portsets import EVERYTHING
from tests import reading
from tests.unit.policy.drawn import NAMESPACES, pods, policies


def read_independently(written: list[dict], known: list[dict], one: dict, two: dict) -> Any:
    endpoints = [
        {
            "namespace": pod["metadata"]["namespace"],
            "name": pod["metadata"]["name"],
            "labels": pod["metadata"]["labels"],
            "ip": pod["status"]["podIP"],
        }
        for pod in known
    ]
    pair = (one["status"]["podIP"], two["status"]["podIP"])
    return reading.allowed_ports(written, endpoints, *pair, NAMESPACES)


def as_read(found: Reach) -> reading.Reach:
    by_protocol = (found.ports.of(each) for each in (Protocol.TCP, Protocol.UDP, Protocol.SCTP))
    return reading.Reach(
        *(tuple(tuple(span) for span in spans) for spans in by_protocol), icmp=found.ports.other
    )


@given(pods(), st.lists(policies(), max_size=3))
@settings(max_examples=3 * settings().max_examples)
def test_it_agrees_with_an_independent_reading_for_every_pair(
    known: list[dict], written: list[dict]
) -> None:
    for one in known:
        for two in known:
            found = reach(written, one, two, NAMESPACES)

            assert as_read(found) == read_independently(written, known, one, two)


@given(pods(), st.lists(policies(), max_size=4))
def test_a_side_that_names_no_policy_is_open(known: list[dict], written: list[dict]) -> None:
    egress, ingress = both_sides(written, *known[:2], NAMESPACES)

    for side in (egress, ingress):
        assert side.policies or side.reach == Reach(EVERYTHING)
    stored = {f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in written}
    assert {*egress.policies, *ingress.policies} <= stored


@given(pods(), st.lists(policies(), max_size=4), st.randoms())
def test_the_order_of_policies_does_not_matter(
    known: list[dict], written: list[dict], random: Any
) -> None:
    one, two = known[:2]
    before = both_sides(written, one, two, NAMESPACES)

    random.shuffle(written)

    assert both_sides(written, one, two, NAMESPACES) == before


A, B = (
    {
        "metadata": {"uid": name, "name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": port}]}]},
        "status": {"podIP": f"10.0.0.{port}"},
    }
    for name, port in (("a", 80), ("b", 81))
)


def into_b(*listed: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "default", "name": "b"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "b"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {}}], "ports": list(listed)}],
        },
    }


def test_a_named_port_is_the_one_the_destination_gives_that_name() -> None:
    assert reach([into_b({"port": "http"})], A, B).text == "TCP 81"
    assert reach([into_b({"port": "http", "protocol": "UDP"})], A, B).text == ""
    assert reach([into_b({"port": "nobody"})], A, B).text == ""


def test_each_side_names_the_policies_that_close_it() -> None:
    egress, ingress = both_sides([into_b({"port": 80})], A, B)

    assert (egress.policies, egress.reach.text) == ((), "everything")
    assert (ingress.policies, ingress.reach.text) == (("default/b",), "TCP 80")


@pytest.mark.parametrize(
    ("listed", "text"),
    [
        ([{"port": 80}, {"port": 81}], "TCP 80-81"),
        ([{"port": 80, "endPort": 90}, {"port": 100}], "TCP 80-90 100"),
        ([{"protocol": "UDP"}], "UDP any"),
        ([{"protocol": "SCTP", "port": 5}, {"port": 6}], "TCP 6, SCTP 5"),
        ([], "everything"),
    ],
)
def test_what_gets_through_reads_well(listed: list[dict], text: str) -> None:
    assert reach([into_b(*listed)], A, B).text == text
