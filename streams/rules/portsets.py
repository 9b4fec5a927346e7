"""Sets of (protocol, destination port): what may flow between two addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

from streams.records.ports import PortRange
from streams.records.rules import Protocol
from streams.records.views import PortSpan
from streams.rules.ranges import ALL_PORTS, NO_PORTS, Ranges, difference, intersection
from streams.rules.ranges import merged as merged_ranges
from streams.rules.ranges import union as union_ranges

PORTED = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)
_PORT_ZERO: Ranges = (PortRange(0, 0),)


@dataclass(frozen=True, slots=True)
class PortSet:
    """An exact set; ``other`` is ICMP and whatever else has no ports we can name."""

    tcp: Ranges = NO_PORTS
    udp: Ranges = NO_PORTS
    sctp: Ranges = NO_PORTS
    other: bool = False

    def __or__(self, more: PortSet) -> PortSet:
        return self._each(union_ranges, more, self.other or more.other)

    def __and__(self, more: PortSet) -> PortSet:
        return self._each(intersection, more, self.other and more.other)

    def __sub__(self, less: PortSet) -> PortSet:
        return self._each(difference, less, self.other and not less.other)

    def __bool__(self) -> bool:
        return self != NOTHING

    def of(self, protocol: Protocol) -> Ranges:
        """Return the ports of TCP, UDP or SCTP."""
        return {Protocol.TCP: self.tcp, Protocol.UDP: self.udp, Protocol.SCTP: self.sctp}[protocol]

    def spans(self) -> tuple[PortSpan, ...]:
        """Return the ports as records, in one order; ``other`` has none."""
        return tuple(
            PortSpan(protocol=protocol.value, first=piece.first, last=piece.last)
            for protocol in PORTED
            for piece in self.of(protocol)
        )

    def sayable(self) -> PortSet:
        """Return the part that a NetworkPolicy can say.

        ICMP goes only with everything, port 0 only with its whole protocol.
        """
        if self == EVERYTHING:
            return self
        return by_protocol({protocol: _without_zero(self.of(protocol)) for protocol in PORTED})

    def _each(
        self, operation: Callable[[Ranges, Ranges], Ranges], more: PortSet, other: bool
    ) -> PortSet:
        return PortSet(
            operation(self.tcp, more.tcp),
            operation(self.udp, more.udp),
            operation(self.sctp, more.sctp),
            other,
        )


NOTHING = PortSet()
EVERYTHING = PortSet(ALL_PORTS, ALL_PORTS, ALL_PORTS, True)


def united(sets: Iterable[PortSet]) -> PortSet:
    """Return what is in any of the sets."""
    return reduce(or_, sets, NOTHING)


def by_protocol(ports: Mapping[Protocol, Ranges], other: bool = False) -> PortSet:
    """Return the set with these ports of TCP, UDP and SCTP."""
    return PortSet(ports[Protocol.TCP], ports[Protocol.UDP], ports[Protocol.SCTP], other)


def from_spans(spans: Iterable[PortSpan]) -> PortSet:
    """Read a set back from its records; raise ValueError for a protocol without ports."""
    pieces: dict[Protocol, list[PortRange]] = {protocol: [] for protocol in PORTED}
    for span in spans:
        if span.protocol not in PORTED:
            raise ValueError(f"{span.protocol} has no ports")
        pieces[Protocol(span.protocol)].append(PortRange(span.first, span.last))
    return by_protocol({protocol: merged_ranges(ranges) for protocol, ranges in pieces.items()})


def _without_zero(ranges: Ranges) -> Ranges:
    return ranges if ranges == ALL_PORTS else difference(ranges, _PORT_ZERO)
