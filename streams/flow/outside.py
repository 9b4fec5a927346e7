"""Resolve what the rules of one graph let one pod exchange with addresses outside the cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

from streams.flow.graph_rows import End, RuleRow
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging, applies, at_end, judged, ways
from streams.flow.services import at_pod, translated
from streams.records.reasons import InexactReason
from streams.records.rules import Action
from streams.records.views import Direction, Errs, Inexactness, OutsideAllowance, PodRef, PortSpan
from streams.rules.grant import Grant
from streams.rules.spaces import Piece, Space, around, blocks, divided, merged, minus, space_of
from streams.rules.wording import one_line

# Of networks and exceptions in one direction: an object is far smaller than what etcd takes.
MOST_BLOCKS = 1000
_ENDS = {
    Direction.EGRESS: (End.SOURCE, End.DESTINATION),
    Direction.INGRESS: (End.DESTINATION, End.SOURCE),
}
Ports = tuple[bool, tuple[PortSpan, ...]]


class _Reaching(NamedTuple):
    """A rule that is about the subject, and the addresses at its other end."""

    key: str
    row: RuleRow
    space: Space


def resolve_outside(
    index: GraphIndex, subject: PodRef, judging: Judging
) -> tuple[tuple[OutsideAllowance, ...], list[Inexactness]]:
    """Return what may be exchanged with addresses outside, and what that could not say."""
    found: list[OutsideAllowance] = []
    inexact: list[Inexactness] = []
    for direction in Direction if judging.outside else ():
        rules = list(_reaching(index, subject, direction, judging, inexact))
        allowed: defaultdict[Ports, list[Piece]] = defaultdict(list)
        known: dict[frozenset[int], Grant] = {}
        for atom, here in divided([each.space for each in rules], judging.outside):
            if here not in known:
                rows = [rules[number].row for number in sorted(here)]
                known[here] = _grant(index, subject, direction, rows, atom, judging)
                inexact += known[here].inexactnesses
            if grant := known[here]:
                allowed[grant.everything, grant.ports].append(atom)
        found += _said(direction, allowed, inexact)
    return tuple(found), inexact


def about_outside(
    index: GraphIndex, subject: PodRef, direction: Direction, address: str, judging: Judging
) -> tuple[tuple[str, RuleRow], ...]:
    """Return the rules about what a pod exchanges with one address outside, with their keys."""
    there = around(address)
    if minus(there, judging.outside):
        return ()
    found = _reaching(index, subject, direction, judging, [])
    return tuple((each.key, each.row) for each in found if not minus(there, each.space))


def _reaching(
    index: GraphIndex,
    subject: PodRef,
    direction: Direction,
    judging: Judging,
    inexact: list[Inexactness],
) -> Iterator[_Reaching]:
    mine, other = _ENDS[direction]
    about = [*_about(index, subject, mine, judging)]
    if mine is End.DESTINATION:
        about += _through(index, subject, judging, inexact)
    for _, key, row in sorted(about, key=lambda each: (each[0], each[1])):
        ends = dict(row.ends())
        space = space_of(ends[other])
        if space is not None:
            yield _Reaching(key, row, space)
            continue
        # It covers addresses here and there: an ALLOW is left out, a DENY holds all around.
        inexact.append(_narrower(one_line(row.rule)))
        if row.rule.action is Action.DENY:
            wide = row.rule.model_copy(update={other.value: "*"})
            yield _Reaching(key, row.read_as(wide), around(ends[other]))


def _about(
    index: GraphIndex, subject: PodRef, mine: End, judging: Judging
) -> Iterator[tuple[int, str, RuleRow]]:
    """Yield place, key and row of each rule that is about the subject at its end."""
    for key in index.covering(str(subject.address)):
        row = index.rules[key]
        for way in ways(row.rule, judging):
            as_said = {End.SOURCE: way.source, End.DESTINATION: way.destination}
            if applies(index, key, as_said[mine], subject):
                yield row.place, key, row.read_as(at_end(way.rule, mine, subject))


def _through(
    index: GraphIndex, subject: PodRef, judging: Judging, inexact: list[Inexactness]
) -> Iterator[tuple[int, str, RuleRow]]:
    """Yield the same of rules about Services before the subject, by addresses strangers reach.

    Nobody outside can call a Service by its own address.
    """
    for service in index.served_by(subject):
        for key in index.calling(service):
            row = index.rules[key]
            own = row.rule.destination == service.address
            if own or not applies(index, key, End.DESTINATION, service):
                continue
            if minus(judging.outside, around(row.rule.source)) != judging.outside:
                inexact += translated(row.rule, row.rule.source, service, subject)
            for rule in at_pod(row.rule, service, subject):
                yield row.place, key, row.read_as(rule)


def _grant(
    index: GraphIndex,
    subject: PodRef,
    direction: Direction,
    rows: Iterable[RuleRow],
    atom: Piece,
    judging: Judging,
) -> Grant:
    address = str(IPv4Address(atom.first))
    ends = (str(subject.address), address)
    source, destination = ends if direction is Direction.EGRESS else reversed(ends)
    return judged(index, rows, source, destination, [subject.uid], judging)


def _said(
    direction: Direction,
    allowed: dict[Ports, list[Piece]],
    inexact: list[Inexactness],
) -> Iterator[OutsideAllowance]:
    said = {ports: blocks(merged(pieces)) for ports, pieces in allowed.items()}
    if sum(1 + len(block.excepted) for each in said.values() for block in each) > MOST_BLOCKS:
        inexact.append(_narrower(f"{direction} of more than {MOST_BLOCKS} networks"))
        return
    for (everything, ports), each in sorted(said.items(), key=lambda item: item[1][0].cidr):
        yield OutsideAllowance(direction=direction, blocks=each, everything=everything, ports=ports)


def _narrower(what: str) -> Inexactness:
    return Inexactness(rule=what, errs=Errs.NARROWER, reason=InexactReason.UNKNOWN_ADDRESSES)
