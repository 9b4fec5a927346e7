"""Pods and allowances for the tests of policies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streams.policy.compile import compile_policy
from streams.policy.dialects import DIALECTS, Manifest
from streams.records.rules import Rule
from streams.records.views import Allowance, Direction, Inexactness, PodRef, PortSpan
from streams.rules.evaluate import evaluate
from streams.rules.grant import Grant, any_end, every_hop
from streams.rules.verdict import Exactness, Reading
from tests.unit.rules.worlds import Firewall, rule


def pod(name: str, address: str | None = None, namespace: str = "default", **more) -> PodRef:
    known = {"cluster": "kind", "uid": f"uid-{name}", "labels": {"app": name}}
    return PodRef(namespace=namespace, name=name, address=address, **(known | more))


def allow(direction: str, peer: PodRef, *spans: str, everything: bool = False) -> Allowance:
    """Allow spans like ``TCP 80`` or ``UDP 1-9``."""
    ports = []
    for span in spans:
        protocol, _, numbers = span.partition(" ")
        first, _, last = numbers.partition("-")
        ports.append(PortSpan(protocol=protocol, first=int(first), last=int(last or first)))
    return Allowance(
        direction=Direction(direction), peer=peer, everything=everything, ports=tuple(ports)
    )


def manifest(subject: PodRef, *allowances: Allowance) -> Manifest:
    policy, _ = compile_policy(subject, allowances)
    return DIALECTS["kubernetes"](policy, "demo", {})


def compiled(
    pods: Sequence[PodRef],
    firewalls: Iterable[Firewall],
    exactness: Exactness = Exactness.WIDEN,
    reading: Reading = Reading.ANY_END,
) -> tuple[list[Manifest], dict[tuple[str, str], tuple[Inexactness, ...]]]:
    """Return the manifests of all pods, and what was reported per pair of addresses.

    Where every hop counts, the first firewall is the first pod's, and so on, in turn.
    """
    walls = list(firewalls)
    own = {one.key: walls[number % len(walls)] for number, one in enumerate(pods)}
    allowances: dict[str, list[Allowance]] = {one.key: [] for one in pods}
    reported = {}
    for source in pods:
        for destination in pods:
            if source is destination:
                continue
            pair = (source.address, destination.address)
            if reading is Reading.ANY_END:
                grant = any_end(evaluate(*wall, *pair, exactness) for wall in walls)
            else:
                hops = (own[source.key], own[destination.key])
                grant = every_hop([evaluate(*wall, *pair, exactness)] for wall in hops)
            reported[pair] = grant.inexactnesses
            if grant:
                allowances[source.key].append(_allowance("egress", destination, grant))
                allowances[destination.key].append(_allowance("ingress", source, grant))
    return [manifest(one, *allowances[one.key]) for one in pods], reported


def readable(pods: Iterable[PodRef]) -> list[dict]:
    """Return the pods as tests/reading.py wants them."""
    return [
        {"namespace": one.namespace, "name": one.name, "labels": one.labels, "ip": one.address}
        for one in pods
    ]


def wall(*texts: str, default: str = "DENY", ordered: bool = True) -> Firewall:
    rules: list[Rule] = [rule(text) for text in texts]
    return Firewall(rules, default, ordered)


def _allowance(direction: str, peer: PodRef, grant: Grant) -> Allowance:
    return Allowance(
        direction=Direction(direction), peer=peer, everything=grant.everything, ports=grant.ports
    )
