"""Recipes of the Kubernetes documentation, said as rules, let the same flows through.

https://kubernetes.io/docs/concepts/services-networking/network-policies/ has the policies on the
left, in these words; the rules on the right are what somebody with a firewall would write.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any, NamedTuple

import pytest

from streams.flow.judging import Judging
from streams.rules.spaces import EVERYWHERE, minus, networks
from tests.reading import allowed_ports
from tests.unit.flow.records import ROUTING, Routed, change, opening
from tests.unit.flow.records import claim as claimed
from tests.unit.rules.worlds import rule

Json = dict[str, Any]

RANGE = "10.1.0.0/16"
# Pods by namespace and name; each namespace has a network of its own, as with many IPAMs.
ADDRESSES = {
    "default/db": "10.1.1.1",
    "default/frontend": "10.1.1.2",
    "default/other": "10.1.1.3",
    "myproject/client": "10.1.2.1",
    "kube-system/dns": "10.1.3.1",
}
STRANGERS = ["172.17.0.5", "172.17.1.5", "10.0.0.7", "10.2.0.7", "8.8.8.8"]
ALL = ["Ingress", "Egress"]


class Recipe(NamedTuple):
    """What the documentation writes, and how rules say it."""

    policies: list[Json]
    rules: list[str]


def policy(namespace: str = "default", **spec: Any) -> Json:
    meta = {"name": "recipe", "namespace": namespace}
    return {"metadata": meta, "spec": {"podSelector": {}, **spec}}


def labelled(name: str) -> Json:
    return {"podSelector": {"matchLabels": {"app": name}}}


def living_in(namespace: str) -> Json:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def ports(*numbers: int, protocol: str = "TCP", last: int | None = None) -> list[Json]:
    ends = {"endPort": last} if last else {}
    return [{"protocol": protocol, "port": number, **ends} for number in numbers]


# The whole default namespace is managed, and what is asked about.
DB = {"podSelector": {"matchLabels": {"app": "db"}}}
RECIPES = {
    "default deny all ingress": Recipe(
        [policy(policyTypes=["Ingress"])],
        ["ALLOW ANY 10.1.1.-1 -> *", "DENY ANY * -> 10.1.1.-1"],
    ),
    "allow all ingress": Recipe(
        [policy(policyTypes=["Ingress"], ingress=[{}])],
        ["ALLOW ANY * -> *"],
    ),
    "default deny all egress": Recipe(
        [policy(policyTypes=["Egress"])],
        ["ALLOW ANY * -> 10.1.1.-1", "DENY ANY 10.1.1.-1 -> *"],
    ),
    "allow all egress": Recipe(
        [policy(policyTypes=["Egress"], egress=[{}])],
        ["ALLOW ANY * -> *"],
    ),
    "default deny all": Recipe([policy(policyTypes=ALL)], []),
    "allow DNS and nothing else": Recipe(
        [
            policy(
                policyTypes=ALL,
                egress=[
                    {
                        "to": [living_in("kube-system")],
                        "ports": ports(53) + ports(53, protocol="UDP"),
                    }
                ],
            )
        ],
        ["ALLOW TCP 10.1.1.-1 -> 10.1.3.-1:53", "ALLOW UDP 10.1.1.-1 -> 10.1.3.-1:53"],
    ),
    "allow from a namespace": Recipe(
        [policy(policyTypes=ALL, ingress=[{"from": [living_in("myproject")]}])],
        ["ALLOW ANY 10.1.2.-1 -> 10.1.1.-1"],
    ),
    "a range of ports": Recipe(
        [
            policy(
                policyTypes=ALL,
                egress=[{"to": [living_in("myproject")], "ports": ports(32000, last=32768)}],
            )
        ],
        ["ALLOW TCP 10.1.1.-1 -> 10.1.2.-1:32000-32768"],
    ),
    "the example of the page": Recipe(
        [
            policy(
                **DB,
                policyTypes=ALL,
                ingress=[
                    {
                        "from": [
                            {"ipBlock": {"cidr": "172.17.0.0/16", "except": ["172.17.1.0/24"]}},
                            living_in("myproject"),
                            labelled("frontend"),
                        ],
                        "ports": ports(6379),
                    }
                ],
                egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": ports(5978)}],
            ),
            policy(
                podSelector={
                    "matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]
                },
                policyTypes=ALL,
                egress=[{"to": [labelled("db")], "ports": ports(6379)}],
            ),
        ],
        [
            "DENY TCP 172.17.1.-1 -> 10.1.1.1",
            "ALLOW TCP 172.17.-1.-1 -> 10.1.1.1:6379",
            "ALLOW TCP 10.1.2.-1 -> 10.1.1.1:6379",
            "ALLOW TCP 10.1.1.2 -> 10.1.1.1:6379",
            "ALLOW TCP 10.1.1.1 -> 10.0.0.-1:5978",
        ],
    ),
}


def pod(key: str) -> Json:
    namespace, _, name = key.partition("/")
    return {"namespace": namespace, "name": name, "labels": {"app": name}, "ip": ADDRESSES[key]}


def ours(recipe: Recipe) -> list[Json]:
    """Return the policies of the pods of the default namespace that the rules become."""
    outside = minus(EVERYWHERE, networks([RANGE]))
    routed = Routed(ROUTING._replace(judging=Judging(outside=outside)))
    for rev, (key, address) in enumerate(ADDRESSES.items()):
        namespace, _, name = key.partition("/")
        fact = claimed(name, rev, address=address)
        assert fact.claim is not None
        ref = fact.claim.pod.model_copy(update={"namespace": namespace})
        claim = fact.claim.model_copy(update={"pod": ref})
        routed.tell(fact.model_copy(update={"claim": claim}))
    elements = tuple(rule(text) for text in recipe.rules)
    routed.tell(change(0, elements=elements), *opening())
    return [
        row.patch.manifest
        for key, row in routed.compiled.items()
        if row.patch is not None and row.patch.manifest is not None and "/default/" in key
    ]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_said_as_rules_lets_the_same_flows_through(name: str) -> None:
    recipe = RECIPES[name]
    known = [pod(key) for key in ADDRESSES]
    written = ours(recipe)
    here = {address for key, address in ADDRESSES.items() if key.startswith("default/")}
    ends = [*ADDRESSES.values(), *STRANGERS]
    pairs = [pair for pair in permutations(ends, 2) if here & set(pair)]

    wanted = {pair: allowed_ports(recipe.policies, known, *pair) for pair in pairs}
    found = {pair: allowed_ports(written, known, *pair) for pair in pairs}

    assert len(written) == len(here)
    assert {pair: reach for pair, reach in found.items() if reach != wanted[pair]} == {}
