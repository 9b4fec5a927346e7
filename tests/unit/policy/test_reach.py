"""The product's reading of stored NetworkPolicies agrees with the independent one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.policy.reach import Reach, both_sides, isolating, reach
from streams.records.rules import Protocol
from streams.rules.portsets import EVERYTHING
from tests import reading

NAMESPACES = {"default": {"tier": "web"}, "shop": {"app": "db", "tier": "db"}}
ADDRESSES = [f"10.0.{third}.{last}" for third in (0, 1) for last in (1, 2, 3, 129)]
CIDRS = ("0.0.0.0/0", "10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/25", "10.0.0.1/32", "192.0.2.0/24")
# Few words: what is drawn must often match for the answers to differ.
KEYS, VALUES = ("app", "tier"), ("web", "db")
NAME = "kubernetes.io/metadata.name"

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2)
names = st.lists(st.sampled_from(sorted(NAMESPACES)), min_size=1, max_size=2, unique=True)
some_values = st.lists(st.sampled_from(VALUES), min_size=1, max_size=2, unique=True)


@st.composite
def expressions(draw: Any, of_namespaces: bool) -> dict[str, Any]:
    operator = draw(st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")))
    key = draw(st.sampled_from((*KEYS, NAME) if of_namespaces else KEYS))
    if operator in ("Exists", "DoesNotExist"):
        return {"key": key, "operator": operator}
    return {"key": key, "operator": operator, "values": draw(names if key == NAME else some_values)}


def selecting(of_namespaces: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    expression = expressions(of_namespaces)
    return st.one_of(
        st.just({}),
        st.fixed_dictionaries({"matchLabels": labels}),
        st.fixed_dictionaries({"matchExpressions": st.lists(expression, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"matchLabels": labels, "matchExpressions": st.tuples(expression)}),
    )


selectors, namespace_selectors = selecting(), selecting(of_namespaces=True)


@st.composite
def blocks(draw: Any) -> dict[str, Any]:
    holes = draw(st.lists(st.sampled_from(CIDRS), max_size=2))
    return {"cidr": draw(st.sampled_from(CIDRS)), **({"except": holes} if holes else {})}


peers = st.one_of(
    st.fixed_dictionaries({"ipBlock": blocks()}),
    st.fixed_dictionaries({"podSelector": selectors}),
    st.fixed_dictionaries({"namespaceSelector": namespace_selectors}),
    st.fixed_dictionaries({"podSelector": selectors, "namespaceSelector": namespace_selectors}),
)


@st.composite
def ports(draw: Any) -> dict[str, Any]:
    port = draw(
        st.fixed_dictionaries({}, optional={"protocol": st.sampled_from(reading.PROTOCOLS)})
    )
    first = draw(st.none() | st.integers(1, 200) | st.integers(1, 65535))
    if first is not None:
        port["port"] = first
        if draw(st.booleans()):
            port["endPort"] = draw(st.integers(first, min(first + 100, 65535)))
    return port


def rules(side: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    listed = st.lists(peers, min_size=1, max_size=2)
    rule = st.one_of(
        st.fixed_dictionaries({side: listed}),
        st.fixed_dictionaries({side: listed, "ports": st.lists(ports(), max_size=2)}),
        st.fixed_dictionaries({"ports": st.lists(ports(), max_size=2)}),
        st.just({}),
    )
    return st.lists(rule, max_size=2)


@st.composite
def policies(draw: Any) -> dict[str, Any]:
    spec = draw(
        st.fixed_dictionaries(
            {"podSelector": st.just({}) | selectors},
            optional={
                "policyTypes": st.sampled_from((["Ingress"], ["Egress"], ["Ingress", "Egress"])),
                "ingress": rules("from"),
                "egress": rules("to"),
            },
        )
    )
    namespace = draw(st.sampled_from(sorted(NAMESPACES)))
    name = draw(st.sampled_from(("one", "two", "three")))
    return {"metadata": {"namespace": namespace, "name": name}, "spec": spec}


@st.composite
def pods(draw: Any) -> list[dict[str, Any]]:
    addresses = draw(st.lists(st.sampled_from(ADDRESSES), min_size=2, max_size=4, unique=True))
    return [
        {
            "metadata": {
                "uid": f"uid-{number}",
                "name": f"pod-{number}",
                "namespace": draw(st.sampled_from(sorted(NAMESPACES))),
                "labels": draw(labels),
            },
            "status": {"podIP": address},
        }
        for number, address in enumerate(addresses)
    ]


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
def test_the_policies_that_select_the_two_decide(known: list[dict], written: list[dict]) -> None:
    one, two = known[:2]

    few = [*isolating(written, one), *isolating(written, two)]

    assert reach(few, one, two, NAMESPACES) == reach(written, one, two, NAMESPACES)


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
