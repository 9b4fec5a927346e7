"""What every pair of pods may exchange, said slowly from pods and rules, without the product.

Some rules do not say whom they are meant for; they bind to whoever holds the address when the
graph's mailbox comes to them. ``bindings`` reads that from the mailbox, a fact at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from streams.records.facts import FirewallChange, GraphFact, PodClaim
from streams.records.rules import Action, Rule
from tests.simulation.cluster import LivePod
from tests.simulation.ruling import Entry, Firewall
from tests.unit.rules.brute_force import Packet, passes

Packets = frozenset[Packet]
Bound = Mapping[tuple[str, int, Rule], tuple[str | None, str | None]]

# The rules of the worlds speak of port 80 and of 80-90: these tell every two of them apart.
ICMP = Packet("ICMP", -1, -1)
PROBES = (
    *(Packet("TCP", 1024, port) for port in (79, 80, 85)),
    *(Packet("UDP", 1024, port) for port in (79, 80, 85)),
    Packet("SCTP", 1024, 80),
)
NOTHING: Packets = frozenset()
ALL: Packets = frozenset((*PROBES, ICMP))


def allowed(
    source: LivePod,
    destination: LivePod,
    firewalls: Mapping[str, Firewall],
    bound: Bound | None = None,
) -> Packets:
    """Return what may flow; an end of unknown meaning counts for anybody unless bound."""
    if source.address is None or destination.address is None:
        return NOTHING
    found = set()
    for name, firewall in firewalls.items():
        rules = [
            entry.rule
            for (place, rule), entry in sorted(
                firewall.entries.items(), key=lambda item: item[0][0]
            )
            if _applies(_ends(entry, (name, place, rule), bound), entry.rule, source, destination)
        ]
        if rules:
            ends = (source.address, destination.address)
            found |= {each for each in ALL if passes(rules, "DENY", firewall.ordered, *ends, each)}
    # A policy can say ICMP only together with everything else.
    return ALL if found.issuperset(PROBES) and ICMP in found else frozenset(found - {ICMP})


def _ends(
    entry: Entry, key: tuple[str, int, Rule], bound: Bound | None
) -> tuple[str | None, str | None]:
    if bound is None:
        return entry.source_uid, entry.destination_uid
    seen = bound.get(key, (None, None))
    told = (entry.source_uid, entry.destination_uid)
    return tuple(mine or theirs or "nobody" for mine, theirs in zip(told, seen, strict=True))


def _applies(
    uids: tuple[str | None, str | None], rule: Rule, source: LivePod, destination: LivePod
) -> bool:
    if rule.action is Action.DENY:
        return True
    ends = ((rule.source, source), (rule.destination, destination))
    return all(
        uid in (None, pod.uid) or not _exact(end)
        for uid, (end, pod) in zip(uids, ends, strict=True)
    )


def _exact(pattern: str) -> bool:
    return pattern != "*" and "-1" not in pattern


def bindings(mailbox: Iterable[GraphFact]) -> Bound:
    """Return to which uids the mailbox bound the ends of the rules that stand."""
    claims: dict[str, PodClaim] = {}
    rules: dict[tuple[str, int, Rule], list[str | None]] = {}
    heard = origin = -1
    parts: dict[str, dict[int, FirewallChange]] = {}
    for fact in mailbox:
        if fact.claim is not None:
            known = claims.get(fact.claim.pod.key)
            if known is None or known.rev < fact.claim.rev:
                claims[fact.claim.pod.key] = fact.claim
        elif fact.change is not None and fact.rev is not None and fact.rev[1] > heard:
            heard = fact.rev[1]
            if fact.origin is None or fact.origin[1] > origin:
                origin = fact.origin[1] if fact.origin else origin
                _change(rules, _whole(parts, fact.change))
        for (_, _, rule), ends in rules.items():
            for end, address in enumerate((rule.source, rule.destination)):
                ends[end] = ends[end] or _holder(claims, address)
    return {key: (ends[0], ends[1]) for key, ends in rules.items()}


def _whole(
    parts: dict[str, dict[int, FirewallChange]], change: FirewallChange
) -> list[FirewallChange]:
    if change.change_set is None:
        return [change]
    known = parts.setdefault(change.change_set.id, {})
    known[change.change_set.part] = change
    return list(known.values()) if len(known) == change.change_set.of else []


def _change(rules: dict[Any, list[str | None]], changes: list[FirewallChange]) -> None:
    for name in {change.firewall for change in changes}:
        mine = [change for change in changes if change.firewall == name]
        said = [rule for change in mine for rule in (*(change.elements or ()), *change.added)]
        new = {(name, at if mine[-1].ordered else 0, rule) for at, rule in enumerate(said, 1)}
        gone = {(name, 0, rule) for change in mine for rule in change.removed}
        if any(change.elements is not None for change in mine):
            gone = {key for key in rules if key[0] == name and key not in new}
        for key in gone:
            rules.pop(key, None)
        for key in new:
            ends = [mine[-1].holders.get(end) for end in (key[2].source, key[2].destination)]
            rules.setdefault(key, ends)


def _holder(claims: dict[str, PodClaim], address: str) -> str | None:
    living = [claim for claim in claims.values() if claim.live and claim.pod.address == address]
    if not living:
        return None
    return max(living, key=_age).pod.uid


def _age(claim: PodClaim) -> tuple[tuple[int, int], int, str]:
    return (claim.since.order if claim.since else (-1, -1), claim.rev, claim.pod.uid)
