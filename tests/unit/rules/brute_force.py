"""Judge one concrete packet by the rules, slowly and without the product's own code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.records.rules import Rule

PROTOCOLS = ("TCP", "UDP", "SCTP", "ICMP")


class Packet(NamedTuple):
    protocol: str
    src_port: int
    dst_port: int


def passes(
    rules: Sequence[Rule],
    default: str,
    ordered: bool,
    source: str,
    destination: str,
    packet: Packet,
) -> bool:
    found = deciders(rules, ordered, source, destination, packet)
    return (found[0].action.value if found else default) == "ALLOW"


def deciders(
    rules: Sequence[Rule], ordered: bool, source: str, destination: str, packet: Packet
) -> list[Rule]:
    """Return the rules any of which decides, whatever the others say; none: the default does."""
    matching = [
        rule
        for rule in rules
        if _covers(rule.source, source)
        and _covers(rule.destination, destination)
        and _matches(rule, packet)
    ]
    if ordered:
        return matching[:1]
    denying = [rule for rule in matching if rule.action.value == "DENY"]
    return denying or matching


def packets(rules: Iterable[Rule]) -> list[Packet]:
    """Every packet at a boundary of these rules, and one without ports."""
    known = list(rules)
    sources = _edges(rule.src_port for rule in known)
    destinations = _edges(rule.dst_port for rule in known)
    ported = [
        Packet(protocol, source, destination)
        for protocol in PROTOCOLS[:3]
        for source in sources
        for destination in destinations
    ]
    return [*ported, Packet("ICMP", -1, -1)]


def _edges(texts: Iterable[str]) -> list[int]:
    edges = {0, 1, 65535}
    for first, last in map(_bounds, texts):
        edges |= {first - 1, first, last, last + 1}
    return sorted(edge for edge in edges if 0 <= edge <= 65535)


def _matches(rule: Rule, packet: Packet) -> bool:
    protocol = rule.protocol.value
    if packet.protocol == "ICMP":
        free = rule.src_port == rule.dst_port == "*"
        return protocol in ("ANY", "OTHER") and free
    return (
        protocol in ("ANY", packet.protocol)
        and _within(rule.src_port, packet.src_port)
        and _within(rule.dst_port, packet.dst_port)
    )


def _within(text: str, port: int) -> bool:
    first, last = _bounds(text)
    return first <= port <= last


def _bounds(text: str) -> tuple[int, int]:
    if text == "*":
        return 0, 65535
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _covers(pattern: str, address: str) -> bool:
    if pattern == "*":
        return True
    wanted, given = pattern.split("."), address.split(".")
    return all(want in ("-1", have) for want, have in zip(wanted, given, strict=True))
