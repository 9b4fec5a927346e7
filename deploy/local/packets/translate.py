"""Translate NetworkPolicies into the chains of a node, as the Kubernetes documentation reads them.

A rule with ports leaves ICMP out, one without takes everything in. A named port is what the
receiving pod calls so. An ipBlock speaks about pods as well as about the world outside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, collapse_addresses, ip_network
from typing import NamedTuple

from deploy.local.packets.directory import Directory
from deploy.local.packets.objects import DEFAULT_PROTOCOL, Json, Pod, read_pod
from deploy.local.packets.ruleset import Allowance, Chain, Direction, Ports

_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


class _Rule(NamedTuple):
    """A rule whose peers are found: networks, or None for everybody."""

    peers: tuple[IPv4Network, ...] | None
    ports: tuple[Json, ...]


def translate(
    pods: Iterable[Json], namespaces: Iterable[Json], policies: Iterable[Json]
) -> list[Chain]:
    """Return a chain per isolated pod and direction, from objects as the API server has them."""
    directory = Directory(filter(None, map(read_pod, pods)), namespaces)
    allowed: dict[tuple[Direction, IPv4Address], set[Allowance]] = defaultdict(set)
    for policy in policies:
        namespace, spec = policy["metadata"]["namespace"], policy["spec"]
        subjects = directory.in_namespace(namespace, spec.get("podSelector") or {})
        for direction in _directions(spec):
            rules = [
                _Rule(_peers(rule, direction, namespace, directory), tuple(rule.get("ports") or []))
                for rule in spec.get(direction.lower()) or []
            ]
            for subject in subjects:
                allowed[direction, subject.address] |= {
                    allowance
                    for rule in rules
                    for allowance in _allowances(rule, direction, subject, directory)
                }
    return [Chain(*end, frozenset(allowances)) for end, allowances in allowed.items()]


def _directions(spec: Json) -> Iterable[Direction]:
    told = spec.get("policyTypes")
    if told:
        return map(Direction, told)
    return [Direction.INGRESS, Direction.EGRESS] if spec.get("egress") else [Direction.INGRESS]


def _peers(
    rule: Json, direction: Direction, namespace: str, directory: Directory
) -> tuple[IPv4Network, ...] | None:
    told = rule.get(_PEERS[direction])
    if not told:
        return None
    networks = (each for peer in told for each in _networks(peer, namespace, directory))
    return tuple(collapse_addresses(networks))


def _networks(peer: Json, namespace: str, directory: Directory) -> Iterator[IPv4Network]:
    if block := peer.get("ipBlock"):
        yield from _block(block)
        return
    selector, where = peer.get("podSelector") or {}, peer.get("namespaceSelector")
    if where is None:
        pods = directory.in_namespace(namespace, selector)
    else:
        pods = directory.in_namespaces(where, selector)
    yield from (IPv4Network(pod.address) for pod in pods)


def _block(block: Json) -> list[IPv4Network]:
    whole = ip_network(block["cidr"], strict=False)
    # Pods here have no IPv6 addresses.
    left = [whole] if isinstance(whole, IPv4Network) else []
    for text in block.get("except") or []:
        hole = IPv4Network(text, strict=False)
        left = [part for each in left for part in _without(each, hole)]
    return left


def _without(network: IPv4Network, hole: IPv4Network) -> Iterable[IPv4Network]:
    if network.subnet_of(hole):
        return ()
    return network.address_exclude(hole) if hole.subnet_of(network) else (network,)


def _allowances(
    rule: _Rule, direction: Direction, subject: Pod, directory: Directory
) -> Iterator[Allowance]:
    if rule.peers == ():
        return
    if not rule.ports:
        yield Allowance(rule.peers, None)
        return
    named = [port for port in rule.ports if isinstance(port.get("port"), str)]
    numbered = {_numbered(port) for port in rule.ports if port not in named}
    if direction is Direction.INGRESS:
        numbered |= {found for port in named for found in _called(port, subject)}
    else:
        yield from _by_peer(rule.peers, named, directory)
    if numbered:
        yield Allowance(rule.peers, frozenset(numbered))


def _numbered(port: Json) -> Ports:
    first = port.get("port")
    return Ports(port.get("protocol") or DEFAULT_PROTOCOL, first, port.get("endPort") or first)


def _by_peer(
    peers: tuple[IPv4Network, ...] | None, named: Iterable[Json], directory: Directory
) -> Iterator[Allowance]:
    """Yield what named ports allow towards each pod that knows the names."""
    receiving: dict[frozenset[Ports], list[IPv4Network]] = defaultdict(list)
    ports = list(named)
    for pod in directory.pods if ports else ():
        if peers is None or any(pod.address in network for network in peers):
            receiving[frozenset(found for port in ports for found in _called(port, pod))].append(
                IPv4Network(pod.address)
            )
    for found, networks in receiving.items():
        if found:
            yield Allowance(tuple(collapse_addresses(networks)), found)


def _called(port: Json, receiver: Pod) -> Iterator[Ports]:
    protocol = port.get("protocol") or DEFAULT_PROTOCOL
    for each in receiver.ports:
        if (each.name, each.protocol) == (port["port"], protocol):
            yield Ports(protocol, each.number, each.number)
