"""What a node lets through: a chain for each isolated end, and how nftables reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

TABLE = "vereflow"
# Only what answers an allowed packet passes unread. The way out is judged packet by packet, so
# that a new deny stops established connections as well.
_ANSWERS = "ct direction reply ct state { established, related } accept"


class Direction(StrEnum):
    """Which end of a connection a chain speaks for, in the words of a policy."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class Ports(NamedTuple):
    """A range of ports; without numbers the whole protocol."""

    protocol: str
    first: int | None = None
    last: int | None = None


class Allowance(NamedTuple):
    """What may pass: None as peers is everybody, None as ports is everything, ICMP as well."""

    peers: tuple[IPv4Network, ...] | None
    ports: frozenset[Ports] | None


class Chain(NamedTuple):
    """All that may pass at one end; the rest is dropped."""

    direction: Direction
    address: IPv4Address
    allowances: frozenset[Allowance]

    @property
    def name(self) -> str:
        """The chain's name in the table."""
        return f"{self.direction.lower()}_{self.address}"


def render(chains: Iterable[Chain]) -> str:
    """Return the text that replaces the whole table at once; the same for equal chains."""
    ordered = sorted(chains, key=lambda chain: (chain.direction, chain.address))
    lines = [
        # A table can only be deleted if it is there.
        f"add table ip {TABLE}",
        f"delete table ip {TABLE}",
        f"table ip {TABLE} {{",
        *(line for chain in ordered for line in _chain(chain)),
        "chain forward {",
        "type filter hook forward priority filter; policy accept;",
        _ANSWERS,
        *_jumps("saddr", (chain for chain in ordered if chain.direction is Direction.EGRESS)),
        *_jumps("daddr", (chain for chain in ordered if chain.direction is Direction.INGRESS)),
        "}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _jumps(field: str, chains: Iterable[Chain]) -> Iterator[str]:
    ways = [f"{chain.address} : jump {chain.name}" for chain in chains]
    if ways:
        yield f"ip {field} vmap {{ {', '.join(ways)} }}"


def _chain(chain: Chain) -> Iterator[str]:
    peer = "saddr" if chain.direction is Direction.INGRESS else "daddr"
    yield f"chain {chain.name} {{"
    yield from sorted(line for each in chain.allowances for line in _returns(each, peer))
    yield "counter drop"
    yield "}"


def _returns(allowance: Allowance, field: str) -> Iterator[str]:
    peers = ""
    if allowance.peers is not None:
        peers = f"ip {field} {{ {', '.join(map(_network, allowance.peers))} }} "
    if allowance.ports is None:
        yield f"{peers}return"
        return
    for protocol, spans in sorted(_by_protocol(allowance.ports).items()):
        yield f"{peers}{_match(protocol, spans)} return"


def _by_protocol(ports: Iterable[Ports]) -> Mapping[str, list[Ports]]:
    found = defaultdict(list)
    for port in ports:
        found[port.protocol].append(port)
    return found


def _match(protocol: str, spans: Iterable[Ports]) -> str:
    name = protocol.lower()
    numbered = sorted((each.first, each.last) for each in spans if each.first is not None)
    if any(each.first is None for each in spans):
        return f"meta l4proto {name}"
    return f"{name} dport {{ {', '.join(_joined(numbered))} }}"


def _joined(spans: Iterable[tuple[int, int | None]]) -> Iterator[str]:
    """Yield spans that neither overlap nor touch: nftables takes no others in one set."""
    begin = end = -1
    for first, told in spans:
        last = first if told is None else told
        if begin < 0:
            begin, end = first, last
        elif first <= end + 1:
            end = max(end, last)
        else:
            yield _span(begin, end)
            begin, end = first, last
    yield _span(begin, end)


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _network(network: IPv4Network) -> str:
    return str(network.network_address) if network.prefixlen == 32 else str(network)
