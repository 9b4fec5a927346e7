"""Have the firewalls of one graph judge a pair of addresses, by the rules that are about it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from streams.flow.crossing import Link
from streams.flow.graph_rows import End, FirewallRow, RuleRow
from streams.flow.index import GraphIndex
from streams.records.addresses import is_exact, matches
from streams.records.rules import Action, Rule
from streams.records.views import PodRef
from streams.rules.evaluate import evaluate
from streams.rules.grant import Grant, any_end, every_hop
from streams.rules.spaces import NOWHERE, Space
from streams.rules.verdict import Exactness, Reading, Verdict


class Judging(NamedTuple):
    """How rules are read; ``outside`` are the addresses that no pod ever has."""

    exactness: Exactness = Exactness.WIDEN
    reading: Reading = Reading.ANY_END
    outside: Space = NOWHERE
    reverse: bool = False
    """Whether a rule that is not directional is one for the way back as well."""
    links: tuple[Link, ...] = ()
    """How clusters see each other."""

    @property
    def digest(self) -> str:
        """Return what is another one whenever rules are read otherwise."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:20]


class Way(NamedTuple):
    """A rule as it is read, and which ends of the rule as it was said its two ends are."""

    rule: Rule
    source: End = End.SOURCE
    destination: End = End.DESTINATION


def ways(rule: Rule, judging: Judging) -> tuple[Way, ...]:
    """Return a rule in the directions that it is for.

    The way back keeps the ports: answers flow in any case, so what it can be for is connections
    that the other end begins, and to the ports that were named.
    """
    if rule.directional or not judging.reverse:
        return (Way(rule),)
    there = rule.model_copy(update={"directional": True})
    back = there.model_copy(update={"source": rule.destination, "destination": rule.source})
    return (Way(there), Way(back, End.DESTINATION, End.SOURCE))


def at_end(rule: Rule, end: End, pod: PodRef) -> Rule:
    """Return a rule that applies to a pod with the pod's own address where it names an alias."""
    name = rule.source if end is End.SOURCE else rule.destination
    if name == pod.address or not is_exact(name):
        return rule
    return rule.model_copy(update={end.value: pod.address})


def judged(
    index: GraphIndex,
    applying: Iterable[RuleRow],
    source: str,
    destination: str,
    hops: Iterable[str],
    judging: Judging,
) -> Grant:
    """Return what may flow by these rules; ``hops`` are the uids of the pods on the way."""
    verdicts: dict[str, Verdict] = {}
    for firewall, rows in by_firewall(index, applying):
        verdicts[firewall.firewall] = evaluate(
            [row.rule for row in rows],
            firewall.default_action,
            firewall.ordered,
            source,
            destination,
            judging.exactness,
        )
    if judging.reading is Reading.ANY_END:
        return any_end(verdicts.values())
    before = (index.hop(uid, verdicts) for uid in hops)
    return every_hop([verdicts[name] for name in sorted(hop)] for hop in before)


def by_firewall(
    index: GraphIndex, applying: Iterable[RuleRow]
) -> Iterator[tuple[FirewallRow, list[RuleRow]]]:
    """Yield the firewalls that have something to say, each with those of the rules that it has."""
    rules: dict[str, list[RuleRow]] = {name: [] for name in index.firewalls}
    for row in applying:
        rules.setdefault(row.firewall, []).append(row)
    for name, rows in sorted(rules.items()):
        firewall = index.firewalls.get(name) or FirewallRow(firewall=name)
        if rows or firewall.default_action is Action.ALLOW:
            yield firewall, rows


def applies(index: GraphIndex, rule: str, end: End, pod: PodRef) -> bool:
    """Tell whether one end of a rule, as it was said, means this pod."""
    meant = index.meant(rule, end)
    if not any(matches(pattern, str(pod.address)) for pattern in meant):
        return False
    if index.rules[rule].rule.action is Action.DENY or not is_exact(meant[0]):
        # Forgetting a DENY would open: it holds for whoever has the address.
        return True
    # An ALLOW was meant for the pod it was first seen for; who reuses the address inherits nothing.
    return index.uid(rule, end) == pod.uid
