"""Sets of IPv4 addresses, kept as sorted, disjoint, inclusive intervals, and as address blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network
from typing import NamedTuple

from streams.records.addresses import ANY_ADDRESS
from streams.records.views import Block

_LAST = (1 << 32) - 1


class Piece(NamedTuple):
    """All addresses from the first to the last, as numbers."""

    first: int
    last: int


Space = tuple[Piece, ...]
NOWHERE: Space = ()
EVERYWHERE: Space = (Piece(0, _LAST),)


def space_of(pattern: str) -> Space | None:
    """Return the addresses that a rule's pattern covers; None: they are here and there."""
    octets = pattern.split(".")
    wild = octets[octets.index("-1") :] if "-1" in octets else ["-1"]
    return around(pattern) if set(wild) == {"-1"} else None


def around(pattern: str) -> Space:
    """Return the smallest network that has all addresses a pattern covers."""
    if pattern == ANY_ADDRESS:
        return EVERYWHERE
    octets = pattern.split(".")
    head = octets[: octets.index("-1")] if "-1" in octets else octets
    start = sum(int(octet) << 8 * (3 - at) for at, octet in enumerate(head))
    return (Piece(start, start + (1 << 8 * (4 - len(head))) - 1),)


def inside(blocks: Iterable[Block]) -> Space:
    """Return the addresses of these blocks."""
    return merged(
        piece
        for block in blocks
        for piece in minus(networks([block.cidr]), networks(block.excepted))
    )


def networks(cidrs: Iterable[str]) -> Space:
    """Return the addresses of these networks."""
    found = (IPv4Network(cidr) for cidr in cidrs)
    return merged(Piece(int(each.network_address), int(each.broadcast_address)) for each in found)


def merged(pieces: Iterable[Piece]) -> Space:
    """Sort pieces, joining those that touch or overlap: one spelling per set."""
    result: list[Piece] = []
    for piece in sorted(pieces):
        if result and piece.first <= result[-1].last + 1:
            result[-1] = Piece(result[-1].first, max(result[-1].last, piece.last))
        else:
            result.append(piece)
    return tuple(result)


def minus(one: Space, two: Space) -> Space:
    """Return the addresses of the first set that are not in the second."""
    return tuple(piece for piece, members in divided([two], one) if not members)


def divided(spaces: Sequence[Space], within: Space) -> Iterator[tuple[Piece, frozenset[int]]]:
    """Yield the pieces of a set that no other divides, each with the numbers of those it is in."""
    coming: defaultdict[int, list[int]] = defaultdict(list)
    going: defaultdict[int, list[int]] = defaultdict(list)
    for number, space in enumerate(spaces):
        for first, last in space:
            coming[first].append(number)
            going[last + 1].append(number)
    cuts = sorted({*coming, *going, *(first for first, _ in within)})
    cuts += [_LAST + 1]
    at, members = 0, set[int]()
    for first, last in within:
        while cuts[at] <= first:
            members = members.difference(going[cuts[at]]).union(coming[cuts[at]])
            at += 1
        while first <= last:
            end = min(last, cuts[at] - 1)
            yield Piece(first, end), frozenset(members)
            first = end + 1
            if first == cuts[at] and at < len(cuts) - 1:
                members = members.difference(going[first]).union(coming[first])
                at += 1


def blocks(space: Space) -> tuple[Block, ...]:
    """Return a set in few words of those that policies have: networks, less networks in them."""
    words, _ = _said(IPv4Network("0.0.0.0/0"), space)
    return tuple(
        Block(cidr=str(each.network), excepted=tuple(map(str, each.excepted))) for each in words
    )


class _Words(NamedTuple):
    network: IPv4Network
    excepted: tuple[IPv4Network, ...] = ()


def _said(network: IPv4Network, space: Space) -> tuple[list[_Words], list[IPv4Network]]:
    """Return the part of a set that lies in a network, and the networks there that do not."""
    low, high = int(network.network_address), int(network.broadcast_address)
    here = tuple(
        Piece(max(first, low), min(last, high))
        for first, last in space
        if first <= high and last >= low
    )
    if here == (Piece(low, high),):
        return [_Words(network)], []
    if not here:
        return [], [network]
    words: list[_Words] = []
    holes: list[IPv4Network] = []
    for half in network.subnets():
        more, missing = _said(half, here)
        words += more
        holes += missing
    if 1 + len(holes) < sum(1 + len(each.excepted) for each in words):
        words = [_Words(network, tuple(holes))]
    return words, holes
