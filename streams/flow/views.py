"""Resolve what the rules of one graph let one pod do, peer by peer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.flow.alikes import shared
from streams.flow.crossing import Crossed, crossed, dials_pods
from streams.flow.graph_rows import End, RuleRow
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging, applies, at_end, judged, ways
from streams.flow.on_hosts import on_hosts
from streams.flow.outside import resolve_outside
from streams.flow.services import at_pod, translated, undialled
from streams.records.rules import Action, Rule
from streams.records.views import Allowance, Direction, Inexactness, OutsideAllowance, PodRef
from streams.rules.grant import Grant
from streams.rules.verdict import Exactness, in_order


class Resolved(NamedTuple):
    """What one pod may exchange with its peers and addresses outside, and what was not said."""

    allowances: tuple[Allowance, ...] = ()
    outside: tuple[OutsideAllowance, ...] = ()
    inexact: tuple[Inexactness, ...] = ()


def resolve(index: GraphIndex, subject: PodRef, judging: Judging) -> Resolved:
    """Return what the subject may exchange with whom, and what that could not say."""
    if subject.address is None or not index.holds(subject):
        return Resolved()
    allowances: list[Allowance] = []
    inexact: list[Inexactness] = []
    for key in sorted(index.peers([subject.address])):
        peer = index.pods[key].pod
        if peer.key == subject.key or not index.holds(peer):
            continue
        for direction, source, destination in (
            (Direction.INGRESS, peer, subject),
            (Direction.EGRESS, subject, peer),
        ):
            grant = _between(index, source, destination, judging)
            inexact += grant.inexactnesses
            if not grant:
                continue
            allowance = Allowance(
                direction=direction,
                peer=peer.without_aliases(),
                everything=grant.everything,
                ports=grant.ports,
            )
            inexact += _translated(index, source, destination)
            if dials_pods(judging.links, subject.cluster, destination.cluster):
                inexact += _undialled(index, source, destination)
            written = _written(index, subject, allowance, judging)
            inexact += written.inexact
            allowances += [written.allowance] if written.allowance else []
    outside, unsaid = resolve_outside(index, subject, judging)
    kept = shared(index, subject, allowances, outside, judging.exactness)
    unheld = on_hosts(subject, kept.allowances)
    found = in_order([*inexact, *unsaid, *kept.inexact, *unheld])
    return Resolved(kept.allowances, kept.outside, found)


def _written(index: GraphIndex, subject: PodRef, allowance: Allowance, judging: Judging) -> Crossed:
    if allowance.peer.cluster == subject.cluster:
        return Crossed(allowance)
    strict = judging.exactness is Exactness.STRICT
    return crossed(index, subject, allowance, judging.links, strict)


def allowing(
    index: GraphIndex, source: PodRef, destination: PodRef, judging: Judging
) -> tuple[Rule, ...]:
    """Return the rules that let one pod send something to another, in the order of their keys."""
    rows = (row for _, row in about(index, source, destination, judging))
    return tuple(row.rule for row in rows if row.rule.action is Action.ALLOW)


def about(
    index: GraphIndex, source: PodRef, destination: PodRef, judging: Judging
) -> tuple[tuple[str, RuleRow], ...]:
    """Return the rules about what one pod sends to another, with their keys, in their order."""
    found = sorted(_applying(index, source, destination, judging))
    return tuple((key, row) for _, key, _, row in found)


def _between(index: GraphIndex, source: PodRef, destination: PodRef, judging: Judging) -> Grant:
    rows = [row for *_, row in sorted(_applying(index, source, destination, judging))]
    ends = (str(source.address), str(destination.address))
    return judged(index, rows, *ends, [source.uid, destination.uid], judging)


def _applying(
    index: GraphIndex, source: PodRef, destination: PodRef, judging: Judging
) -> Iterator[tuple[int, str, str, RuleRow]]:
    """Yield place, key, way and row of each rule about this pair: no two have one key and way."""
    for key in index.covering(str(source.address)):
        row = index.rules[key]
        for way in ways(row.rule, judging):
            if applies(index, key, way.source, source) and applies(
                index, key, way.destination, destination
            ):
                rule = at_end(at_end(way.rule, End.SOURCE, source), End.DESTINATION, destination)
                yield row.place, key, way.source, row.read_as(rule)
    for service, key in _through(index, source, destination):
        row = index.rules[key]
        rules = at_pod(at_end(row.rule, End.SOURCE, source), service, destination)
        for number, rule in enumerate(rules):
            yield row.place, key, f"{service.key} {number}", row.read_as(rule)


def _through(
    index: GraphIndex, source: PodRef, destination: PodRef
) -> Iterator[tuple[PodRef, str]]:
    """Yield the Services before a pod, each with the key of a rule that lets the source call it."""
    for service in index.served_by(destination):
        for key in index.calling(service):
            if applies(index, key, End.SOURCE, source) and applies(
                index, key, End.DESTINATION, service
            ):
                yield service, key


def _translated(index: GraphIndex, source: PodRef, destination: PodRef) -> Iterator[Inexactness]:
    for service, key in _through(index, source, destination):
        yield from translated(index.rules[key].rule, source.key, service, destination)


def _undialled(index: GraphIndex, source: PodRef, destination: PodRef) -> Iterator[Inexactness]:
    for service, key in _through(index, source, destination):
        yield from undialled(index.rules[key].rule, source.key, service, destination)
