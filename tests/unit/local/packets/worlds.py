"""Small worlds of pods, namespaces and policies of every kind that the documentation knows."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

Json = dict[str, Any]

NAMESPACES = {"default": {}, "shop": {"team": "sales"}, "bank": {"team": "money", "strict": "yes"}}
PORTS = (80, 81, 5005)
PROTOCOLS = ("TCP", "UDP")
_APPS, _TIERS = ("a", "b", "c"), ("web", "db")
_CIDRS = ("10.0.0.0/8", "10.0.0.0/24", "10.0.1.0/24", "10.0.0.2/31", "10.0.0.1/32", "0.0.0.0/0")
_RANGES = ((80, None), (81, None), (79, 80), (80, 81), (81, 5004), (5000, 5010), (1, 65535))


class World(NamedTuple):
    """What an API server stores, as it stores it."""

    pods: list[Json]
    namespaces: list[Json]
    policies: list[Json]

    @property
    def readable(self) -> list[Json]:
        """The pods as tests/reading.py takes them."""
        return [
            {
                "namespace": each["metadata"]["namespace"],
                "name": each["metadata"]["name"],
                "labels": each["metadata"]["labels"],
                "ip": each["status"]["podIP"],
            }
            for each in self.pods
        ]


def pod(
    name: str,
    address: str,
    namespace: str = "default",
    ports: tuple[tuple[str, str, int], ...] = (),
    **labels: str,
) -> Json:
    """Return a running pod; its ports are (name, protocol, number)."""
    told = [
        {"name": called, "protocol": protocol, "containerPort": number}
        for called, protocol, number in ports
    ]
    return {
        "metadata": {"uid": f"uid-{name}", "namespace": namespace, "name": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "none", "ports": told}]},
        "status": {"phase": "Running", "podIP": address},
    }


def policy(name: str = "policy", namespace: str = "default", **spec: Any) -> Json:
    """Return a policy; without a selector it selects every pod of its namespace."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"uid": f"uid-{namespace}-{name}", "name": name, "namespace": namespace},
        "spec": {"podSelector": {}, **spec},
    }


def namespaces() -> list[Json]:
    """Return the namespaces that every world has."""
    return [
        {"metadata": {"uid": f"uid-{name}", "name": name, "labels": {**labels}}}
        for name, labels in NAMESPACES.items()
    ]


def any_world(chance: Random, most_pods: int = 6) -> World:
    """Return some world; few values, so that selectors often meet."""
    pods = [_any_pod(chance, number) for number in range(chance.randint(2, most_pods))]
    policies = [_any_policy(chance, number) for number in range(chance.randint(1, 5))]
    return World(pods, namespaces(), policies)


def _any_pod(chance: Random, number: int) -> Json:
    ports = tuple((f"p{port}-{each.lower()}", each, port) for port in PORTS for each in PROTOCOLS)
    namespace = chance.choice(("default", "default", "shop", "bank"))
    address = f"10.0.{number % 2}.{number + 1}"
    return pod(f"pod-{number}", address, namespace, ports, **_any_labels(chance))


def _any_labels(chance: Random) -> dict[str, str]:
    labels = {"app": chance.choice(_APPS)}
    return labels | ({"tier": chance.choice(_TIERS)} if chance.random() < 0.6 else {})


def _any_policy(chance: Random, number: int) -> Json:
    spec: Json = {"podSelector": _any_selector(chance)}
    # Without types, what there is decides.
    types = chance.choice((None, ["Ingress"], ["Egress"], ["Ingress", "Egress"]))
    if types:
        spec["policyTypes"] = types
    for kind, ends in (("ingress", "from"), ("egress", "to")):
        if chance.random() < 0.7:
            spec[kind] = _some(chance, 2, lambda ends=ends: _any_rule(chance, ends))
    return policy(f"policy-{number}", chance.choice(("default", "default", "shop", "bank")), **spec)


def _any_rule(chance: Random, ends: str) -> Json:
    rule: Json = {}
    if chance.random() < 0.85:
        rule[ends] = _some(chance, 2, lambda: _any_peer(chance))
    if chance.random() < 0.6:
        rule["ports"] = _some(chance, 3, lambda: _any_port(chance))
    return rule


def _any_peer(chance: Random) -> Json:
    if chance.random() < 0.25:
        return {"ipBlock": _any_block(chance)}
    peer = {}
    if chance.random() < 0.5:
        peer["namespaceSelector"] = _any_namespace_selector(chance)
    if not peer or chance.random() < 0.5:
        peer["podSelector"] = _any_selector(chance)
    return peer


def _any_block(chance: Random) -> Json:
    block: Json = {"cidr": chance.choice(_CIDRS)}
    if block["cidr"].endswith(("/8", "/24")) and chance.random() < 0.5:
        inside = block["cidr"].rpartition(".")[0]
        block["except"] = [f"{inside}.{chance.choice(('0/28', '1/32', '2/31'))}"]
    return block


def _any_namespace_selector(chance: Random) -> Json:
    return chance.choice(
        (
            {},
            {"matchLabels": {"team": "sales"}},
            {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
            {"matchExpressions": [{"key": "strict", "operator": "DoesNotExist"}]},
            {"matchExpressions": [{"key": "team", "operator": "In", "values": ["sales", "money"]}]},
        )
    )


def _any_selector(chance: Random) -> Json:
    app, tier = chance.choice(_APPS), chance.choice(_TIERS)
    return chance.choice(
        (
            {},
            {"matchLabels": {"app": app}},
            {"matchLabels": {"app": app, "tier": tier}},
            {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": [app]}]},
            {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
            {
                "matchLabels": {"app": app},
                "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": [tier]}],
            },
        )
    )


def _any_port(chance: Random) -> Json:
    port: Json = {}
    if chance.random() < 0.8:
        port["protocol"] = chance.choice((*PROTOCOLS, *PROTOCOLS, "SCTP"))
    if chance.random() < 0.85:
        first, last = chance.choice(_RANGES)
        port |= {"port": first} | ({"endPort": last} if last else {})
    return port


def _some(chance: Random, most: int, make: Callable[[], Json]) -> list[Json]:
    return [make() for _ in range(chance.randint(0, most))]
