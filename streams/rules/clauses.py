"""The part of a rule that is left to decide once the two addresses are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from streams.records.addresses import matches
from streams.records.ports import ANY_PORT, PortRange, parse_ports
from streams.records.rules import Action, Protocol, Rule
from streams.rules.portsets import PORTED
from streams.rules.wording import one_line

_parsed = lru_cache(maxsize=4096)(parse_ports)


@dataclass(frozen=True, slots=True)
class Clause:
    """Which packets of one pair a rule matches."""

    rule: Rule
    protocols: tuple[Protocol, ...]
    sources: PortRange
    destinations: PortRange

    @property
    def any_port(self) -> bool:
        """Tell whether no port is asked for: then packets without ports match too."""
        return self.sources == ANY_PORT == self.destinations

    @property
    def other(self) -> bool:
        """Tell whether ICMP and its like match."""
        return self.rule.protocol in (Protocol.ANY, Protocol.OTHER) and self.any_port

    def overlaps(self, clause: Clause) -> bool:
        """Tell whether one packet matches both."""
        if self.other and clause.other:
            return True
        return (
            any(protocol in clause.protocols for protocol in self.protocols)
            and _meet(self.sources, clause.sources)
            and _meet(self.destinations, clause.destinations)
        )


def clauses_for(
    rules: Sequence[Rule], ordered: bool, source: str, destination: str
) -> list[Clause]:
    """Return what the rules say about one pair, in the order in which they are tried.

    A list without an order is tried DENY first, so that its spelling never matters.
    """
    found = [
        rule
        for rule in rules
        if matches(rule.source, source) and matches(rule.destination, destination)
    ]
    if not ordered:
        found.sort(key=lambda rule: (rule.action is Action.ALLOW, one_line(rule)))
    return [_clause(rule) for rule in found]


def _clause(rule: Rule) -> Clause:
    protocols = {Protocol.ANY: PORTED, Protocol.OTHER: ()}.get(rule.protocol, (rule.protocol,))
    return Clause(rule, protocols, _parsed(rule.src_port), _parsed(rule.dst_port))


def _meet(one: PortRange, two: PortRange) -> bool:
    return one.first <= two.last and two.first <= one.last
