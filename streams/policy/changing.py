"""What becomes of every flow when other policies are stored: what opens, what closes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.policy.flows import SIDES, Flows, ends_beyond
from streams.rules.portsets import NOTHING, PortSet, united
from streams.rules.spaces import Space, divided


class Change(NamedTuple):
    """What one may send to another after it and not before, and the other way round.

    An end is a pod, or the first of the addresses outside for which the same is true.
    """

    source: str
    destination: str
    opens: PortSet
    closes: PortSet


def changes(before: Flows, after: Flows, outside: Space) -> Iterator[Change]:
    """Yield each pair of ends for which something changes; whom one does not know has nothing."""
    flowing = {(source, destination): ports for source, destination, ports in before}
    for source, destination, ports in after:
        was = flowing.pop((source, destination), NOTHING)
        if was != ports:
            yield Change(source, destination, ports - was, was - ports)
    for (source, destination), was in flowing.items():
        yield Change(source, destination, NOTHING, was)
    for name in dict.fromkeys((*before.names, *after.names)) if outside else ():
        for side in SIDES:
            yield from _beyond(side, name, before, after, outside)


def _beyond(side: str, name: str, before: Flows, after: Flows, outside: Space) -> Iterator[Change]:
    old, new = (each.beyond(side, name) if name in each else [] for each in (before, after))
    let = [*old, *new]
    for piece, members in divided([space for _, space, _ in let], outside):
        was = united(let[number][2] for number in members if number < len(old))
        now = united(let[number][2] for number in members if number >= len(old))
        if was != now:
            yield Change(*ends_beyond(side, name, piece), now - was, was - now)
