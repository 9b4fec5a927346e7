"""Read NetworkPolicies as the Kubernetes documentation says: who reaches whom, on which ports.

Written without a look at the product, which it judges. A pod is a mapping with
``namespace``, ``name``, ``labels`` and ``ip``. Source and destination are said as
``namespace/name`` or by address; an address no pod holds is outside the cluster.
``namespaces`` holds the labels of each namespace; the name label that every namespace
carries need not be said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

Endpoint = Mapping[str, Any]
Manifest = Mapping[str, Any]
Labels = Mapping[str, str]
Intervals = tuple[tuple[int, int], ...]

PROTOCOLS = ("TCP", "UDP", "SCTP")
WHOLE: Intervals = ((0, 65535),)


class Reach(NamedTuple):
    """Everything one endpoint may send to another, exactly; equal reach compares equal."""

    tcp: Intervals
    udp: Intervals
    sctp: Intervals
    icmp: bool


ALL = Reach(WHOLE, WHOLE, WHOLE, True)


def connects(
    policies: Iterable[Manifest],
    pods: Sequence[Endpoint],
    src: str,
    dst: str,
    protocol: str,
    port: int | None = None,
    namespaces: Mapping[str, Labels] | None = None,
) -> bool:
    """Tell whether the source may open a connection; ICMP is sent without a port."""
    reach = allowed_ports(policies, pods, src, dst, namespaces)
    if protocol not in PROTOCOLS:
        return reach.icmp
    assert port is not None
    return any(first <= port <= last for first, last in getattr(reach, protocol.lower()))


def allowed_ports(
    policies: Iterable[Manifest],
    pods: Sequence[Endpoint],
    src: str,
    dst: str,
    namespaces: Mapping[str, Labels] | None = None,
) -> Reach:
    """Return what the source's egress and the destination's ingress both let through."""
    source, destination = _endpoint(pods, src), _endpoint(pods, dst)
    if source is destination:
        return ALL  # A pod cannot block itself.
    known = list(policies)
    leaves = _one_side(known, "Egress", source, destination, namespaces or {})
    enters = _one_side(known, "Ingress", destination, source, namespaces or {})
    return Reach(
        *(
            _both(getattr(leaves, name.lower()), getattr(enters, name.lower()))
            for name in PROTOCOLS
        ),
        icmp=leaves.icmp and enters.icmp,
    )


def _one_side(
    policies: list[Manifest],
    kind: str,
    subject: Endpoint,
    other: Endpoint,
    namespaces: Mapping[str, Labels],
) -> Reach:
    selecting = [policy for policy in policies if _isolates(policy, kind, subject)]
    if not selecting:
        return ALL
    spans: dict[str, list[tuple[int, int]]] = {protocol: [] for protocol in PROTOCOLS}
    for policy in selecting:
        for rule in policy["spec"].get(kind.lower()) or []:
            if not _admits(rule, kind, policy["metadata"]["namespace"], other, namespaces):
                continue
            if not rule.get("ports"):
                return ALL
            for protocol, span in _spans(rule["ports"]):
                spans[protocol].append(span)
    return Reach(*(_joined(spans[protocol]) for protocol in PROTOCOLS), icmp=False)


def _isolates(policy: Manifest, kind: str, subject: Endpoint) -> bool:
    if not _is_pod(subject) or policy["metadata"]["namespace"] != subject["namespace"]:
        return False
    spec = policy["spec"]
    default = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    kinds = spec.get("policyTypes") or default
    return kind in kinds and _selects(spec.get("podSelector") or {}, subject["labels"])


def _admits(
    rule: Mapping[str, Any],
    kind: str,
    namespace: str,
    other: Endpoint,
    namespaces: Mapping[str, Labels],
) -> bool:
    peers = rule.get("from" if kind == "Ingress" else "to")
    if not peers:
        return True
    return any(_is_peer(peer, namespace, other, namespaces) for peer in peers)


def _is_peer(
    peer: Mapping[str, Any], namespace: str, other: Endpoint, namespaces: Mapping[str, Labels]
) -> bool:
    if "ipBlock" in peer:
        return _in_block(peer["ipBlock"], other["ip"])
    if not _is_pod(other):
        return False
    where = peer.get("namespaceSelector")
    if where is None:
        at_home = other["namespace"] == namespace
    else:
        name = other["namespace"]
        at_home = _selects(where, {"kubernetes.io/metadata.name": name, **namespaces.get(name, {})})
    return at_home and _selects(peer.get("podSelector") or {}, other["labels"])


def _in_block(block: Mapping[str, Any], address: str) -> bool:
    inside = ip_address(address) in ip_network(block["cidr"])
    return inside and not any(
        ip_address(address) in ip_network(hole) for hole in block.get("except") or []
    )


def _selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or [])


def _holds(expression: Mapping[str, Any], labels: Labels) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    raise ValueError(f"unknown operator {expression['operator']}")


def _spans(ports: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[int, int]]]:
    for port in ports:
        number = port.get("port")
        if isinstance(number, str):
            raise ValueError("named ports are not read here")
        if number is not None and not 1 <= number <= port.get("endPort", number) <= 65535:
            raise ValueError(f"the API server refuses {port}")
        span = (0, 65535) if number is None else (number, port.get("endPort") or number)
        yield port.get("protocol") or "TCP", span


def _joined(spans: Iterable[tuple[int, int]]) -> Intervals:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if joined and first - 1 <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)


def _both(one: Intervals, two: Intervals) -> Intervals:
    common = ((max(a, c), min(b, d)) for a, b in one for c, d in two)
    return tuple(sorted((first, last) for first, last in common if first <= last))


def _is_pod(endpoint: Endpoint) -> bool:
    return "name" in endpoint


def _endpoint(pods: Sequence[Endpoint], text: str) -> Endpoint:
    for pod in pods:
        if text in (f"{pod['namespace']}/{pod['name']}", pod["ip"]):
            return pod
    ip_address(text)  # Anything else is a mistake of the test.
    return {"ip": text}
