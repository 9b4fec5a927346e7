"""All that gets through, for every pair of pods at once: each peer is looked up once, as a set.

A set of pods is an int with one bit for each, so that thousands of selectors cost little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from ipaddress import IPv4Address, ip_address, ip_network
from operator import and_, or_
from typing import Any, NamedTuple

from streams.policy.meaning import text_of
from streams.policy.reach import implied_types, name_of, ports_of, selects
from streams.policy.selection import NAMESPACE_LABEL
from streams.records.views import Block
from streams.rules.portsets import EVERYTHING, NOTHING, PortSet
from streams.rules.spaces import EVERYWHERE, Piece, Space, inside

Json = Mapping[str, Any]
SIDES = {"Egress": "to", "Ingress": "from"}


class Opening(NamedTuple):
    """Whom one policy lets through, pods and addresses, at some ports as it spells them."""

    policy: str
    peers: int
    space: Space
    ports: Sequence[Json]


@dataclass
class Wall:
    """One side of one pod: the policies that close it, and what they let through all the same."""

    policies: list[str] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)


class Flows:
    """
    What the stored policies let each of some pods send to each other.

    Pods (by any name), policies and the labels of namespaces are as the API server stores them;
    a pod's own policy cannot close it to itself, and no pod is paired with itself here.
    """

    def __init__(
        self,
        pods: Mapping[str, Json],
        policies: Iterable[Json],
        namespaces: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.names = tuple(pods)
        self._pods = tuple(pods.values())
        self._place = {name: place for place, name in enumerate(self.names)}
        self._crowd = _Crowd(self._pods, namespaces or {})
        self._walls = {kind: [Wall() for _ in self._pods] for kind in SIDES}
        self._read: dict[tuple[int, int], PortSet] = {}
        for policy in policies:
            self._raise(policy)

    def __contains__(self, name: object) -> bool:
        """Tell whether this is one of the pods."""
        return name in self._place

    def wall(self, kind: str, name: str) -> Wall:
        """Return the ``Egress`` or ``Ingress`` side of a pod."""
        return self._walls[kind][self._place[name]]

    def between(self, source: str, destination: str) -> PortSet:
        """Return what gets through from one pod to another."""
        return self._between(self._place[source], self._place[destination])

    def sent(self, source: str, destination: str) -> PortSet:
        """Return what the source's side lets out."""
        one, two = self._place[source], self._place[destination]
        return self._side("Egress", one, two, two)

    def admitted(self, source: str, destination: str) -> PortSet:
        """Return what the destination's side lets in."""
        one, two = self._place[source], self._place[destination]
        return self._side("Ingress", two, one, two)

    def opening(self, source: str, destination: str, ports: PortSet) -> tuple[str, ...]:
        """Return the policies, on either side, that let some of this through."""
        one, two = self._place[source], self._place[destination]
        found = {
            each.policy
            for kind, subject, peer in (("Egress", one, two), ("Ingress", two, one))
            for each in self._walls[kind][subject].openings
            if each.peers >> peer & 1 and self._ports(each.ports, two) & ports
        }
        return tuple(sorted(found))

    def beyond(self, kind: str, name: str) -> list[tuple[str, Space, PortSet]]:
        """Return policy, addresses and ports of what one side lets through, whoever has them."""
        place, wall = self._place[name], self.wall(kind, name)
        if not wall.policies:
            return [("", EVERYWHERE, EVERYTHING)]
        # Of named ports those of the pod are known; whoever else listens has none that we know.
        listening = self._pods[place] if kind == "Ingress" else {}
        return [
            (each.policy, each.space, ports_of(each.ports, listening))
            for each in wall.openings
            if each.space
        ]

    def __iter__(self) -> Iterator[tuple[str, str, PortSet]]:
        """Yield each pair between which something gets through."""
        everybody = self._crowd.everybody
        entering = [self._reached("Ingress", place) for place in range(len(self.names))]
        for one, source in enumerate(self.names):
            bit = 1 << one
            leaving = self._reached("Egress", one)
            for two in _places((everybody if leaving is None else leaving) & ~bit):
                admitted = entering[two]
                if admitted is None or admitted & bit:
                    ports = self._between(one, two)
                    if ports:
                        yield source, self.names[two], ports

    def _between(self, source: int, destination: int) -> PortSet:
        sent = self._side("Egress", source, destination, destination)
        return _meet(sent, self._side("Ingress", destination, source, destination))

    def _raise(self, policy: Json) -> None:
        spec, home = policy.get("spec") or {}, policy["metadata"]["namespace"]
        types = spec.get("policyTypes") or implied_types(spec)
        subjects = self._crowd.chosen(spec.get("podSelector") or {}, self._crowd.living_in(home))
        for kind in SIDES.keys() & set(types):
            openings = [
                Opening(
                    name_of(policy),
                    self._peers(rule, kind, home),
                    _space(rule.get(SIDES[kind])),
                    rule.get("ports") or (),
                )
                for rule in spec.get(kind.lower()) or ()
            ]
            for place in _places(subjects):
                wall = self._walls[kind][place]
                wall.policies.append(name_of(policy))
                wall.openings += openings

    def _peers(self, rule: Json, kind: str, home: str) -> int:
        peers = rule.get(SIDES[kind])
        # No list, or an empty one, means everybody.
        if not peers:
            return self._crowd.everybody
        return reduce(or_, (self._crowd.peer(peer, home) for peer in peers))

    def _reached(self, kind: str, place: int) -> int | None:
        """Return the peers that one side lets through at all; None: it is open."""
        wall = self._walls[kind][place]
        if not wall.policies:
            return None
        return reduce(or_, (opening.peers for opening in wall.openings), 0)

    def _side(self, kind: str, subject: int, peer: int, listening: int) -> PortSet:
        wall = self._walls[kind][subject]
        if not wall.policies:
            return EVERYTHING
        bit = 1 << peer
        found = [self._ports(each.ports, listening) for each in wall.openings if each.peers & bit]
        return reduce(_join, found) if found else NOTHING

    def _ports(self, ports: Sequence[Json], listening: int) -> PortSet:
        if not ports:
            return EVERYTHING
        # The lists live as long as the policies do: their places in memory are names.
        known = self._read.get((id(ports), -1)) or self._read.get((id(ports), listening))
        if known is None:
            named = any(isinstance(port.get("port"), str) for port in ports)
            known = ports_of(ports, self._pods[listening])
            self._read[id(ports), listening if named else -1] = known
        return known


class _Crowd:
    """The pods by label, namespace and address, as sets."""

    def __init__(self, pods: Sequence[Json], namespaces: Mapping[str, Mapping[str, str]]) -> None:
        self.everybody = (1 << len(pods)) - 1
        self._namespaces = namespaces
        self._homes: dict[str, int] = {}
        self._having: dict[str, int] = {}
        self._labelled: dict[tuple[str, str], int] = {}
        self._addresses: list[tuple[int, Any]] = []
        self._known: dict[str, int] = {}
        for place, pod in enumerate(pods):
            bit = 1 << place
            home = pod["metadata"]["namespace"]
            self._homes[home] = self._homes.get(home, 0) | bit
            for key, value in (pod["metadata"].get("labels") or {}).items():
                self._having[key] = self._having.get(key, 0) | bit
                self._labelled[key, value] = self._labelled.get((key, value), 0) | bit
            address = (pod.get("status") or {}).get("podIP")
            if address:
                self._addresses.append((bit, ip_address(address)))

    def living_in(self, namespace: str) -> int:
        """Return the pods of a namespace."""
        return self._homes.get(namespace, 0)

    def peer(self, peer: Json, home: str) -> int:
        """Return whom a peer of a policy in this namespace means."""
        key = f"{home} {text_of(peer)}"
        if key not in self._known:
            self._known[key] = self._peer(peer, home)
        return self._known[key]

    def chosen(self, selector: Json, among: int) -> int:
        """Return who of these has the labels that are asked for."""
        wanted = (selector.get("matchLabels") or {}).items()
        asked = [self._labelled.get(label, 0) for label in wanted]
        asked += [self._holding(each) for each in selector.get("matchExpressions") or ()]
        return reduce(and_, asked, among)

    def _peer(self, peer: Json, home: str) -> int:
        if peer.get("ipBlock"):
            return self._in_block(peer["ipBlock"])
        where = peer.get("namespaceSelector")
        if where is None:
            near = self.living_in(home)
        else:
            near = reduce(
                or_, (pods for name, pods in self._homes.items() if self._is(name, where)), 0
            )
        return self.chosen(peer.get("podSelector") or {}, near)

    def _is(self, namespace: str, selector: Json) -> bool:
        return selects(
            selector, {**self._namespaces.get(namespace, {}), NAMESPACE_LABEL: namespace}
        )

    def _holding(self, expression: Json) -> int:
        key, operator = str(expression["key"]), str(expression["operator"])
        if operator in ("Exists", "DoesNotExist"):
            held = self._having.get(key, 0)
        else:
            values = expression.get("values") or ()
            held = reduce(or_, (self._labelled.get((key, value), 0) for value in values), 0)
        return held if operator in ("Exists", "In") else self.everybody & ~held

    def _in_block(self, block: Json) -> int:
        inside = ip_network(block["cidr"])
        holes = [ip_network(hole) for hole in block.get("except") or ()]
        return reduce(
            or_,
            (
                bit
                for bit, address in self._addresses
                if address in inside and not any(address in hole for hole in holes)
            ),
            0,
        )


def ends_beyond(side: str, name: str, piece: Piece) -> tuple[str, str]:
    """Return source and destination of what one side of a pod exchanges with addresses outside."""
    address = str(IPv4Address(piece.first))
    return (name, address) if side == "Egress" else (address, name)


def _space(peers: Sequence[Json] | None) -> Space:
    if not peers:
        return EVERYWHERE
    named = [peer["ipBlock"] for peer in peers if peer.get("ipBlock")]
    return inside(
        Block(cidr=block["cidr"], excepted=tuple(block.get("except") or ()))
        for block in named
        if ":" not in block["cidr"]
    )


# Of the many pairs few differ in their ports.
_meet = lru_cache(maxsize=4096)(PortSet.__and__)
_join = lru_cache(maxsize=4096)(PortSet.__or__)


def _places(pods: int) -> Iterator[int]:
    bits = bin(pods)[:1:-1]
    place = bits.find("1")
    while place >= 0:
        yield place
        place = bits.find("1", place + 1)
