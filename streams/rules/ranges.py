"""Arithmetic on sets of ports, kept as sorted, disjoint, inclusive ranges."""

from __future__ import annotations

from collections.abc import Iterable

from streams.records.ports import ANY_PORT, LAST_PORT, PortRange

Ranges = tuple[PortRange, ...]

NO_PORTS: Ranges = ()
ALL_PORTS: Ranges = (ANY_PORT,)


def merged(ranges: Iterable[PortRange]) -> Ranges:
    """Sort ranges, joining those that touch or overlap: one spelling per set."""
    result: list[PortRange] = []
    for piece in sorted(ranges):
        if result and piece.first <= result[-1].last + 1:
            result[-1] = PortRange(result[-1].first, max(result[-1].last, piece.last))
        else:
            result.append(piece)
    return tuple(result)


def union(one: Ranges, two: Ranges) -> Ranges:
    """Return the ports in either set."""
    return merged((*one, *two))


def intersection(one: Ranges, two: Ranges) -> Ranges:
    """Return the ports in both sets."""
    result: list[PortRange] = []
    i = j = 0
    while i < len(one) and j < len(two):
        first, last = max(one[i].first, two[j].first), min(one[i].last, two[j].last)
        if first <= last:
            result.append(PortRange(first, last))
        if one[i].last < two[j].last:
            i += 1
        else:
            j += 1
    return tuple(result)


def difference(one: Ranges, two: Ranges) -> Ranges:
    """Return the ports of the first set that are not in the second."""
    return intersection(one, _complement(two)) if one and two else one


def _complement(ranges: Ranges) -> Ranges:
    result: list[PortRange] = []
    start = 0
    for piece in ranges:
        if start < piece.first:
            result.append(PortRange(start, piece.first - 1))
        start = piece.last + 1
    if start <= LAST_PORT:
        result.append(PortRange(start, LAST_PORT))
    return tuple(result)
