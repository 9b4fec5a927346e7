"""Say which rules of one graph decide whether something flows, or that none does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streams.flow.graph_rows import RuleRow
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging, applies, by_firewall, ways
from streams.flow.outside import about_outside
from streams.flow.views import about
from streams.records.addresses import matches
from streams.records.ports import parse_ports
from streams.records.rules import Action, Protocol, Rule
from streams.records.views import Direction, PodRef
from streams.rules.deciding import Decided, Flow, decide
from streams.rules.verdict import Reading

Keyed = tuple[tuple[str, RuleRow], ...]


class Decision(NamedTuple):
    """Whether the rules let any of it through; the rules about it, and which of them decide.

    Without any that decides it is the firewalls' default. ``orphaned`` are rules that name the
    addresses, and were meant for pods that had them before, or for nobody yet.
    """

    allowed: bool
    about: Keyed = ()
    deciding: frozenset[str] = frozenset()
    orphaned: tuple[str, ...] = ()


def between(
    index: GraphIndex, source: PodRef, destination: PodRef, flow: Flow, judging: Judging
) -> Decision:
    """Return what the rules decide of what one pod sends to another."""
    pair = str(source.address), str(destination.address)
    rows = about(index, source, destination, judging)
    found = _decision(index, rows, pair, [source.uid, destination.uid], flow, judging)
    known = {key for key, _ in rows}
    orphaned = (
        key
        for key in sorted(index.covering(pair[0]))
        if key not in known and _names(index, key, (source, destination), flow, judging)
    )
    return found._replace(orphaned=tuple(orphaned))


def across(
    index: GraphIndex,
    subject: PodRef,
    direction: Direction,
    address: str,
    flow: Flow,
    judging: Judging,
) -> Decision:
    """Return what the rules decide of what a pod exchanges with an address outside."""
    rows = about_outside(index, subject, direction, address, judging)
    ends = (str(subject.address), address)
    source, destination = ends if direction is Direction.EGRESS else reversed(ends)
    return _decision(index, rows, (source, destination), [subject.uid], flow, judging)


def covers(rule: Rule, flow: Flow) -> bool:
    """Tell whether a rule is about any of what is asked for."""
    first, last = parse_ports(rule.dst_port)
    meant = rule.protocol is Protocol.ANY or rule.protocol in flow.protocols
    return meant and first <= flow.ports.last and flow.ports.first <= last


def _decision(
    index: GraphIndex,
    rows: Keyed,
    pair: tuple[str, str],
    hops: Sequence[str],
    flow: Flow,
    judging: Judging,
) -> Decision:
    decided = {
        firewall.firewall: decide(
            [row.rule for row in mine],
            firewall.default_action,
            firewall.ordered,
            pair,
            flow,
            judging.exactness,
        )
        for firewall, mine in by_firewall(index, (row for _, row in rows))
    }
    groups = list(_groups(index, decided, hops, judging))
    allowed = all(any(decided[name].allowed for name in group) for group in groups)
    deciding = {
        (name, rule)
        for group in groups
        # What stops it is a hop at which no firewall lets it through.
        if allowed or not any(decided[name].allowed for name in group)
        for name in group
        if decided[name].allowed is allowed
        for rule in decided[name].rules
    }
    found = frozenset(key for key, row in rows if (row.firewall, row.rule) in deciding)
    return Decision(allowed, tuple(each for each in rows if covers(each[1].rule, flow)), found)


def _groups(
    index: GraphIndex, decided: dict[str, Decided], hops: Sequence[str], judging: Judging
) -> Iterator[set[str]]:
    """Yield the firewalls of which one must let it through, for each time that one must."""
    if judging.reading is Reading.ANY_END:
        yield {*decided}
        return
    for uid in hops:
        yield index.hop(uid, decided)


def _names(
    index: GraphIndex, key: str, pods: tuple[PodRef, PodRef], flow: Flow, judging: Judging
) -> bool:
    """Tell whether an ALLOW covers both addresses, and is not meant for who has them now."""
    row = index.rules[key]
    if row.rule.action is Action.DENY or not covers(row.rule, flow):
        return False
    return any(
        matches(way.rule.source, str(pods[0].address))
        and matches(way.rule.destination, str(pods[1].address))
        and not all(
            applies(index, key, end, pod)
            for end, pod in zip((way.source, way.destination), pods, strict=True)
        )
        for way in ways(row.rule, judging)
    )
