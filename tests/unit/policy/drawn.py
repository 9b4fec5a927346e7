"""Pods and policies drawn at random from few words, so that they often concern each other."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

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
