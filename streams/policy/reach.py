"""Who reaches whom: read stored NetworkPolicies as the Kubernetes documentation says.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from streams.policy.selection import NAMESPACE_LABEL
from streams.records.ports import ANY_PORT, PortRange
from streams.records.rules import Protocol
from streams.rules.portsets import EVERYTHING, PORTED, PortSet, by_protocol, united
from streams.rules.ranges import merged

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reach:
    """What one pod may send to another."""

    ports: PortSet

    def __bool__(self) -> bool:
        return bool(self.ports)

    def admits(self, protocol: Protocol, port: int) -> bool:
        """Tell whether a connection to this port may be opened."""
        return any(first <= port <= last for first, last in self.ports.of(protocol))

    @property
    def text(self) -> str:
        """Return it as people read it: ``TCP 80, UDP 5000-5010``; empty for nothing."""
        if self.ports == EVERYTHING:
            return "everything"
        return ", ".join(
            _words(protocol, self.ports.of(protocol))
            for protocol in PORTED
            if self.ports.of(protocol)
        )


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the two pods lets through, and the policies that close it but for that."""

    reach: Reach
    policies: tuple[str, ...] = ()


class Opening(NamedTuple):
    """One rule of a policy, which of them it is, and at which ports it lets its peers through."""

    number: int
    rule: Json
    reach: Reach


def reach(
    policies: Iterable[Json],
    source: Json,
    destination: Json,
    namespaces: Mapping[str, Mapping[str, str]] | None = None,
) -> Reach:
    """Return what the source's egress and the destination's ingress both let through.

    Pods and policies are as the API server stores them; ``namespaces`` holds the labels of the
    namespaces beside the name that each carries. Named ports are read from the destination.
    """
    egress, ingress = both_sides(policies, source, destination, namespaces)
    return Reach(egress.reach.ports & ingress.reach.ports)


def both_sides(
    policies: Iterable[Json],
    source: Json,
    destination: Json,
    namespaces: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[Side, Side]:
    """Return what the source's egress lets out, and what the destination's ingress lets in."""
    if source["metadata"]["uid"] == destination["metadata"]["uid"]:
        # A pod cannot block itself.
        return Side(Reach(EVERYTHING)), Side(Reach(EVERYTHING))
    known = list(policies)
    labels = namespaces or {}
    return (
        _one_side(known, "Egress", source, destination, destination, labels),
        _one_side(known, "Ingress", destination, source, destination, labels),
    )


def _one_side(
    policies: Sequence[Json],
    kind: str,
    subject: Json,
    peer: Json,
    listening: Json,
    namespaces: Mapping[str, Mapping[str, str]],
) -> Side:
    selecting = [policy for policy in policies if isolates(policy, kind, subject)]
    if not selecting:
        return Side(Reach(EVERYTHING))
    admitted = [
        each.reach.ports
        for policy in selecting
        for each in openings(policy, kind, peer, listening, namespaces)
    ]
    return Side(Reach(united(admitted)), tuple(sorted(map(name_of, selecting))))


def openings(
    policy: Json,
    kind: str,
    peer: Json,
    listening: Json,
    namespaces: Mapping[str, Mapping[str, str]],
) -> Iterator[Opening]:
    """Yield the rules of a policy, of its ``Egress`` or ``Ingress``, that a peer is meant by."""
    side = "from" if kind == "Ingress" else "to"
    for number, rule in enumerate(policy["spec"].get(kind.lower()) or (), 1):
        if _admits(rule.get(side), policy["metadata"]["namespace"], peer, namespaces):
            yield Opening(number, rule, Reach(ports_of(rule.get("ports") or (), listening)))


def outsider(address: str) -> Json:
    """Return somebody of whom policies see nothing but an address: no pod of any namespace."""
    return {"metadata": {"uid": f"address {address}"}, "status": {"podIP": address}}


def name_of(policy: Json) -> str:
    """Return how reports name a policy."""
    meta = policy["metadata"]
    return f"{meta['namespace']}/{meta.get('name', '')}"


def implied_types(spec: Json) -> tuple[str, ...]:
    """Return what a policy is about that does not say so itself."""
    return ("Ingress", "Egress") if spec.get("egress") else ("Ingress",)


def isolates(policy: Json, kind: str, subject: Json) -> bool:
    """Tell whether a policy selects a pod, and is about its ``Egress`` or ``Ingress``."""
    spec = policy.get("spec") or {}
    return (
        policy["metadata"]["namespace"] == subject["metadata"].get("namespace")
        and kind in (spec.get("policyTypes") or implied_types(spec))
        and selects(spec.get("podSelector") or {}, _labels(subject))
    )


def _admits(
    peers: Sequence[Json] | None,
    namespace: str,
    pod: Json,
    namespaces: Mapping[str, Mapping[str, str]],
) -> bool:
    # No list, or an empty one, means everybody.
    return not peers or any(_is_peer(peer, namespace, pod, namespaces) for peer in peers)


def _is_peer(
    peer: Json, namespace: str, pod: Json, namespaces: Mapping[str, Mapping[str, str]]
) -> bool:
    if peer.get("ipBlock"):
        return _in_block(peer["ipBlock"], (pod.get("status") or {}).get("podIP"))
    home = pod["metadata"].get("namespace")
    if home is None:
        return False
    where = peer.get("namespaceSelector")
    if where is None:
        near = home == namespace
    else:
        near = selects(where, {**namespaces.get(home, {}), NAMESPACE_LABEL: home})
    return near and selects(peer.get("podSelector") or {}, _labels(pod))


def _in_block(block: Json, address: str | None) -> bool:
    if not address:
        return False
    held = ip_address(address)
    if held not in ip_network(block["cidr"]):
        return False
    return not any(held in ip_network(hole) for hole in block.get("except") or ())


def selects(selector: Json, labels: Mapping[str, str]) -> bool:
    """Tell whether a selector of labels means who has these."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _holds(expression: Json, labels: Mapping[str, str]) -> bool:
    key, values = str(expression["key"]), list(expression.get("values") or ())
    operator = str(expression["operator"])
    if operator in ("Exists", "DoesNotExist"):
        return (key in labels) == (operator == "Exists")
    # NotIn holds for who lacks the label as well.
    return (labels.get(key) in values) == (operator == "In")


def ports_of(ports: Sequence[Json], listening: Json) -> PortSet:
    """Return the ports of one rule; who listens says which number a name has."""
    if not ports:
        return EVERYTHING
    found: dict[Protocol, list[PortRange]] = {protocol: [] for protocol in PORTED}
    for port in ports:
        protocol = Protocol(port.get("protocol") or "TCP")
        found[protocol] += _numbers(port, protocol, listening)
    return by_protocol({protocol: merged(ranges) for protocol, ranges in found.items()})


def _numbers(port: Json, protocol: Protocol, listening: Json) -> list[PortRange]:
    number = port.get("port")
    if number is None:
        return [ANY_PORT]
    if isinstance(number, int):
        return [PortRange(number, port.get("endPort") or number)]
    return [
        PortRange(each["containerPort"], each["containerPort"])
        for container in (listening.get("spec") or {}).get("containers") or ()
        for each in container.get("ports") or ()
        if each.get("name") == number and (each.get("protocol") or "TCP") == protocol
    ]


def _labels(pod: Json) -> Mapping[str, str]:
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    return labels


def _words(protocol: Protocol, ranges: Sequence[PortRange]) -> str:
    if tuple(ranges) == (ANY_PORT,):
        return f"{protocol} any"
    spans = (f"{first}" if first == last else f"{first}-{last}" for first, last in ranges)
    return f"{protocol} {' '.join(spans)}"
