"""Resolve what the rules of one graph let one pod do, peer by peer."""

from __future__ import annotations

from collections.abc import Iterator

from streams.flow.alikes import shared
from streams.flow.graph_rows import End, FirewallRow, RuleRow
from streams.flow.index import GraphIndex
from streams.records.addresses import is_exact, matches
from streams.records.rules import Action, Rule
from streams.records.views import Allowance, Direction, Inexactness, PodRef
from streams.rules.evaluate import evaluate
from streams.rules.grant import Grant, any_end, every_hop
from streams.rules.verdict import Exactness, Reading, Verdict, in_order

Resolved = tuple[tuple[Allowance, ...], tuple[Inexactness, ...]]


def resolve(
    index: GraphIndex,
    subject: PodRef,
    exactness: Exactness = Exactness.WIDEN,
    reading: Reading = Reading.ANY_END,
) -> Resolved:
    """Return what the subject may exchange with each peer, and what that could not say."""
    if subject.address is None or not index.holds(subject):
        return (), ()
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
            grant = _between(index, source, destination, exactness, reading)
            inexact += grant.inexactnesses
            if grant:
                allowances.append(
                    Allowance(
                        direction=direction,
                        peer=peer,
                        everything=grant.everything,
                        ports=grant.ports,
                    )
                )
    kept, alike = shared(index, subject, allowances, exactness)
    return kept, in_order([*inexact, *alike])


def allowing(index: GraphIndex, source: PodRef, destination: PodRef) -> tuple[Rule, ...]:
    """Return the rules that let one pod send something to another, in the order of their keys."""
    rows = [row for _, _, row in sorted(_applying(index, source, destination))]
    return tuple(row.rule for row in rows if row.rule.action is Action.ALLOW)


def _between(
    index: GraphIndex,
    source: PodRef,
    destination: PodRef,
    exactness: Exactness,
    reading: Reading,
) -> Grant:
    rules: dict[str, list[RuleRow]] = {name: [] for name in index.firewalls}
    for _, _, row in sorted(_applying(index, source, destination)):
        rules.setdefault(row.firewall, []).append(row)
    verdicts: dict[str, Verdict] = {}
    for name, rows in sorted(rules.items()):
        firewall = index.firewalls.get(name) or FirewallRow(firewall=name)
        if not rows and firewall.default_action is Action.DENY:
            continue
        verdicts[name] = evaluate(
            [row.rule for row in rows],
            firewall.default_action,
            firewall.ordered,
            str(source.address),
            str(destination.address),
            exactness,
        )
    if reading is Reading.ANY_END:
        return any_end(verdicts.values())
    hops = (index.hop(pod.uid, verdicts) for pod in (source, destination))
    return every_hop([verdicts[name] for name in sorted(hop)] for hop in hops)


def _applying(
    index: GraphIndex, source: PodRef, destination: PodRef
) -> Iterator[tuple[int, str, RuleRow]]:
    """Yield place, key and row of each rule about this pair: no two have one key."""
    for key in index.covering(str(source.address)):
        row = index.rules[key]
        if _applies(index, key, End.SOURCE, row.rule.source, source) and _applies(
            index, key, End.DESTINATION, row.rule.destination, destination
        ):
            yield row.place, key, row


def _applies(index: GraphIndex, rule: str, end: End, pattern: str, pod: PodRef) -> bool:
    if not matches(pattern, str(pod.address)):
        return False
    if index.rules[rule].rule.action is Action.DENY or not is_exact(pattern):
        # Forgetting a DENY would open: it holds for whoever has the address.
        return True
    # An ALLOW was meant for the pod it was first seen for; who reuses the address inherits nothing.
    return index.uid(rule, end) == pod.uid
