"""One protocol of one pair: which destination ports the clauses open, stretch by stretch."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from streams.records.ports import LAST_PORT, PortRange
from streams.records.rules import Action, Rule
from streams.rules.clauses import Clause
from streams.rules.ranges import ALL_PORTS, NO_PORTS, Ranges, difference, intersection, union


@dataclass(frozen=True, slots=True)
class Stretch:
    """Destination ports that are treated alike, and what happens to them.

    ``opened`` and ``closed`` are the source ports the rules really let through and
    stop; where neither is empty, ``allowed`` is all that can be said about both.
    """

    ports: PortRange
    allowed: bool
    rule: Rule | None
    opened: Ranges
    closed: Ranges


def sweep(clauses: Sequence[Clause], default: Action, strict: bool) -> Iterator[Stretch]:
    """Yield the stretches from port 0 to the last, without a gap."""
    opening: defaultdict[int, list[int]] = defaultdict(list)
    closing: defaultdict[int, list[int]] = defaultdict(list)
    for rank, clause in enumerate(clauses):
        opening[clause.destinations.first].append(rank)
        closing[clause.destinations.last + 1].append(rank)
    covering: list[int] = []
    # Only clauses that begin or end here are touched: a long list stays fast.
    for first, after in pairwise(sorted({0, LAST_PORT + 1, *opening, *closing})):
        for rank in closing.get(first, ()):
            del covering[bisect_left(covering, rank)]
        for rank in opening.get(first, ()):
            insort(covering, rank)
        ports = PortRange(first, after - 1)
        yield _decide(ports, (clauses[rank] for rank in covering), default, strict)


def _decide(ports: PortRange, covering: Iterable[Clause], default: Action, strict: bool) -> Stretch:
    share: dict[Action, Ranges] = {Action.ALLOW: NO_PORTS, Action.DENY: NO_PORTS}
    left = ALL_PORTS
    first: Rule | None = None
    for clause in covering:
        first = first or clause.rule
        taken = intersection(left, (clause.sources,))
        share[clause.rule.action] = union(share[clause.rule.action], taken)
        left = difference(left, taken)
        if not left:
            break
    share[default] = union(share[default], left)
    # Widened, the first rule speaks for every source port: an ALLOW errs wider, a DENY
    # narrower. Strict, one stopped source port stops them all.
    widened = (first.action if first else default) is Action.ALLOW
    allowed = not share[Action.DENY] if strict else widened
    return Stretch(ports, allowed, first, share[Action.ALLOW], share[Action.DENY])
