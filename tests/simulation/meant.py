"""What every pair of pods may exchange, said slowly from pods and rules, without the product.

Some rules do not say whom they are meant for; they bind to whoever holds the address when the
graph's mailbox comes to them. ``bindings`` reads that from the mailbox, a fact at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from streams.records.facts import FirewallChange, GraphFact, PodClaim
from streams.records.marks import Mark
from streams.records.rules import Action, Rule
from tests.simulation.cluster import LivePod
from tests.simulation.ruling import LOOSE, STRICT, Entry, Firewall, taken
from tests.unit.rules.brute_force import Packet, passes

Packets = frozenset[Packet]
Bound = Mapping[tuple[str, int, Rule], tuple[str | None, str | None]]
Ends = dict[tuple[str, int, Rule], list[str | None]]

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
    heard = Heard()
    for fact in mailbox:
        heard.take(fact)
    return heard.bound


class Heard:
    """What a mailbox has said so far, and what of it counts; changes may be limited."""

    def __init__(self, partitions: int = 0, limit: int | None = None) -> None:
        self.firewalls: dict[str, Firewall] = {}
        self._partitions, self._limit = partitions, limit
        self.begin()

    def begin(self) -> None:
        """Forget everything: the mailbox is a new one."""
        self.facts = 0
        self.firewalls |= {LOOSE: Firewall(False, {}), STRICT: Firewall(False, {})}
        self._claims: dict[str, PodClaim] = {}
        self._rules: Ends = {}
        self._heard = self._origin = -1
        self._parts: dict[str, dict[int, FirewallChange]] = {}
        self._read, self._open = False, False
        self._listing, self._listed = (-1, -1), set[int]()

    @property
    def bound(self) -> Bound:
        """To which uids the ends of the rules that stand were bound."""
        return _bound(self._rules)

    def take(self, fact: GraphFact) -> None:
        """Take the next fact."""
        self.facts += 1
        if fact.mark is not None:
            self._mark(fact.mark)
        elif fact.claim is not None:
            known = self._claims.get(fact.claim.pod.key)
            if known is None or known.rev < fact.claim.rev:
                self._claims[fact.claim.pod.key] = fact.claim
        elif fact.change is not None and fact.rev is not None and fact.rev[1] > self._heard:
            self._heard = fact.rev[1]
            if fact.origin is None or fact.origin[1] > self._origin:
                self._origin = fact.origin[1] if fact.origin else self._origin
                self._change(_whole(self._parts, fact.change))
        _bind(self._rules, self._claims)

    def _mark(self, mark: Mark) -> None:
        if mark.started is None:
            self._read = True
        elif mark.started.order >= self._listing:
            newer = mark.started.order > self._listing
            self._listing = mark.started.order
            self._listed = {mark.partition, *(() if newer else self._listed)}
        self._open |= self._read and len(self._listed) == self._partitions

    def _change(self, changes: list[FirewallChange]) -> None:
        meant = any(change.beyond_limit for change in changes)
        if self._limit is not None and self._open and not meant:
            after = {key: list(ends) for key, ends in self._rules.items()}
            _change(after, changes)
            _bind(after, self._claims)
            if self._opened(_all_taken(self.firewalls, changes), _bound(after)) > self._limit:
                changes = [_closing(change) for change in changes if change.polled]
        _change(self._rules, changes)
        self.firewalls |= _all_taken(self.firewalls, changes)

    def _opened(self, firewalls: Mapping[str, Firewall], bound: Bound) -> int:
        """Return for how many pods something would be open that is not."""
        pods = [each for each in map(self._pod, self._claims.values()) if each is not None]
        return len(
            {
                pod
                for pair in itertools.permutations(pods, 2)
                if allowed(*pair, firewalls, bound) - allowed(*pair, self.firewalls, self.bound)
                for pod in (pair[0].name, pair[1].name)
            }
        )

    def _pod(self, claim: PodClaim) -> LivePod | None:
        pod = claim.pod
        if not claim.live or pod.address is None:
            return None
        holds = _holder(self._claims, pod.address) == pod.uid
        return LivePod(pod.name, pod.uid, pod.address, pod.labels, "Running", 0) if holds else None


def _all_taken(
    firewalls: Mapping[str, Firewall], changes: list[FirewallChange]
) -> dict[str, Firewall]:
    mine = {change.firewall: [] for change in changes}
    for change in changes:
        mine[change.firewall].append(change)
    return {**firewalls, **{name: taken(firewalls[name], *said) for name, said in mine.items()}}


def _closing(change: FirewallChange) -> FirewallChange:
    denied = tuple(rule for rule in change.added if rule.action is Action.DENY)
    taken_back = tuple(rule for rule in change.removed if rule.action is Action.ALLOW)
    return change.model_copy(update={"added": denied, "removed": taken_back})


def _bound(rules: Ends) -> Bound:
    return {key: (ends[0], ends[1]) for key, ends in rules.items()}


def _bind(rules: Ends, claims: dict[str, PodClaim]) -> None:
    for (_, _, rule), ends in rules.items():
        for end, address in enumerate((rule.source, rule.destination)):
            ends[end] = ends[end] or _holder(claims, address)


def _whole(
    parts: dict[str, dict[int, FirewallChange]], change: FirewallChange
) -> list[FirewallChange]:
    if change.change_set is None:
        return [change]
    known = parts.setdefault(change.change_set.id, {})
    known[change.change_set.part] = change
    return list(known.values()) if len(known) == change.change_set.of else []


def _change(rules: Ends, changes: list[FirewallChange]) -> None:
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
