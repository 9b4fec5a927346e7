"""The rule side: somebody writes rules, in deltas, whole lists and change sets; what stands now."""

from __future__ import annotations

import random
from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from streams.flow.output import FIREWALL_CHANGES, Send
from streams.records.facts import ChangeSet, FirewallChange
from streams.records.marks import Mark, MarkKind
from streams.records.rules import Action, Protocol, Rule
from tests.simulation.cluster import LivePod

GRAPH = "main"
# A key in another partition than the graph's.
SOMEBODY = "somebody"
LOOSE, STRICT = "10.9.0.1", "10.9.0.2"
KINDS = ("add", "add", "remove", "remove", "list", "list", "set", "set", "set", "same", "poll")
ADDRESSES = [f"10.0.0.{last}" for last in range(11, 17)]


class Entry(NamedTuple):
    """A rule that stands, and for which uids its ends were meant, where that was said."""

    rule: Rule
    source_uid: str | None
    destination_uid: str | None


# (place, rule) → entry: the same rule at another place of an ordered list is another rule.
Entries = dict[tuple[int, Rule], Entry]


class Firewall(NamedTuple):
    """One firewall's rules, and whether they have an order."""

    ordered: bool
    entries: Entries


class Solver:
    """Whoever writes rules; every change is one record or one set of records.

    Where changes are limited, some say that they mean to go beyond, and some come from polls.
    """

    def __init__(self, chance: random.Random, limited: bool = False) -> None:
        self.chance = chance
        self.limited = limited
        # Who writes rules may choose a key; all that is asked is to keep to it.
        self.key = chance.choice((GRAPH, GRAPH, SOMEBODY))
        self.firewalls = {name: Firewall(False, {}) for name in (LOOSE, STRICT)}
        self.sets = 0
        self.polled: dict[str, Firewall] = {}
        self.addresses = ADDRESSES

    def learn(self, bound: Mapping[tuple[str, int, Rule], tuple[str | None, str | None]]) -> None:
        """Note whom the rules were bound to that did not say it, as who reads them again does."""
        for name, (ordered, entries) in self.firewalls.items():
            known = {
                key: Entry(
                    entry.rule,
                    *(
                        mine or theirs
                        for mine, theirs in zip(entry[1:], bound[name, *key], strict=True)
                    ),
                )
                for key, entry in entries.items()
            }
            self.firewalls[name] = Firewall(ordered, known)

    def change(self, pods: Iterable[LivePod]) -> list[Send]:
        """Change something, and return how that is said."""
        told = {pod.address: pod.uid for pod in pods if pod.address}
        holders = told if self.chance.random() < 0.8 else {}
        kind = self.chance.choice((*KINDS, *(("found", "found") if self.limited else ())))
        records = list(getattr(self, f"_{kind}")(holders))
        if self.limited and self.chance.random() < 0.15:
            records = [each.model_copy(update={"beyond_limit": True}) for each in records]
        if self.chance.random() < 0.1:
            records *= 2
        return self._sent(records)

    def read_again(self, epoch: int, living: Container[str]) -> list[Send]:
        """Say all rules to new topics, each with whom it was meant for, and that it was all.

        What was meant for somebody who is gone has gone with him.
        """
        records = []
        for name, (ordered, entries) in self.firewalls.items():
            kept = [entry for entry in entries.values() if _meant_for(entry, living)]
            rules = tuple(entry.rule for entry in kept)
            holders = {end: uid for entry in kept for end, uid in _meant(entry).items()}
            self.firewalls[name] = Firewall(ordered, {})
            records.append(self._said(name, holders, elements=rules, ordered=ordered))
        mark = Mark(kind=MarkKind.FIREWALLS_READ, id="read", graph=GRAPH, epoch=epoch)
        return self._sent([*records, FirewallChange(mark=mark)])

    def _sent(self, records: Iterable[FirewallChange]) -> list[Send]:
        named = (record.model_copy(update={"graph": GRAPH}) for record in records)
        return [Send(FIREWALL_CHANGES, self.key, record) for record in named]

    def _add(self, holders: dict[str, str]) -> Iterable[FirewallChange]:
        yield self._said(LOOSE, holders, added=(self._rule(),))

    def _remove(self, holders: dict[str, str]) -> Iterable[FirewallChange]:
        standing = sorted(self.firewalls[LOOSE].entries, key=str)
        if standing:
            _, rule = self.chance.choice(standing)
            yield self._said(LOOSE, holders, removed=(rule,))

    def _list(self, holders: dict[str, str]) -> Iterable[FirewallChange]:
        name, ordered = self.chance.choice(((LOOSE, False), (STRICT, False), (STRICT, True)))
        yield self._said(name, holders, elements=self._rules(), ordered=ordered)

    def _same(self, holders: dict[str, str]) -> Iterable[FirewallChange]:
        for name, firewall in self.firewalls.items():
            rules = tuple(entry.rule for entry in firewall.entries.values())
            yield self._said(name, holders, elements=rules, ordered=firewall.ordered)

    def _poll(self, holders: dict[str, str]) -> Iterable[FirewallChange]:
        """End the poll that was under way, and begin the next."""
        if self.polled and not self._overlaps():
            for name, (ordered, entries) in self.polled.items():
                rules = tuple(entry.rule for entry in entries.values())
                yield FirewallChange(
                    firewall=name, elements=rules, holders=holders, ordered=ordered
                )
        self.polled = dict(self.firewalls)

    def _overlaps(self) -> bool:
        """Tell whether rules were written while they were read: then nothing is known."""
        return self.polled != self.firewalls

    def _set(self, holders: dict[str, str]) -> Iterable[FirewallChange]:
        self.sets += 1
        names = (LOOSE, STRICT, *self.chance.choice(((), (STRICT,))))
        parts = [
            FirewallChange(
                firewall=name,
                elements=self._rules(),
                holders=holders,
                change_set=ChangeSet(id=f"set-{self.sets}", part=part, of=len(names)),
            )
            for part, name in enumerate(names, 1)
        ]
        for name in (LOOSE, STRICT):
            self._take(name, *(part for part in parts if part.firewall == name))
        return parts

    def _found(self, holders: dict[str, str]) -> Iterable[FirewallChange]:
        """Say as a poll does what came and went."""
        self.sets += 1
        standing = sorted({rule for _, rule in self.firewalls[LOOSE].entries}, key=str)
        gone = tuple(rule for rule in standing if self.chance.random() < 0.3)
        new = tuple(rule for rule in self._rules() if rule not in standing)
        said = [{"removed": gone}] * bool(gone) + [{"added": new}] * bool(new)
        parts = [
            FirewallChange(
                firewall=LOOSE,
                holders=holders,
                polled=True,
                change_set=ChangeSet(id=f"found-{self.sets}", part=part, of=len(said)),
                **each,
            )
            for part, each in enumerate(said, 1)
        ]
        if parts:
            self._take(LOOSE, *parts)
        return parts

    def _said(self, name: str, holders: dict[str, str], **said: object) -> FirewallChange:
        change = FirewallChange.model_validate({"firewall": name, "holders": holders, **said})
        self._take(name, change)
        return change

    def _take(self, name: str, *changes: FirewallChange) -> None:
        self.firewalls[name] = taken(self.firewalls[name], *changes)

    def _rules(self) -> tuple[Rule, ...]:
        return tuple(self._rule() for _ in range(self.chance.randint(0, 3)))

    def _rule(self) -> Rule:
        pick = self.chance.choice
        ends = [*self.addresses, *self.addresses, "10.0.0.-1", "*"]
        return Rule(
            action=pick((Action.ALLOW, Action.ALLOW, Action.ALLOW, Action.DENY)),
            source=pick(ends),
            destination=pick(ends),
            protocol=pick((Protocol.TCP, Protocol.TCP, Protocol.UDP, Protocol.ANY)),
            dst_port=pick(("80", "80", "80-90", "*")),
        )


def taken(firewall: Firewall, *changes: FirewallChange) -> Firewall:
    """Return what a firewall is after changes that belong together."""
    known = firewall.entries
    whole = any(change.elements is not None for change in changes)
    ordered = bool(changes[-1].ordered)
    entries = {} if whole else dict(known)
    removed = {(0, rule) for change in changes for rule in change.removed}
    entries = {place: entry for place, entry in entries.items() if place not in removed}
    rules = [rule for change in changes for rule in (*(change.elements or ()), *change.added)]
    for place, rule in enumerate(rules, 1):
        key = (place if ordered else 0, rule)
        ends = (changes[-1].holders.get(end) for end in (rule.source, rule.destination))
        entries[key] = known.get(key) or Entry(rule, *ends)
    return Firewall(ordered, entries)


def _meant(entry: Entry) -> dict[str, str]:
    if entry.rule.action is Action.DENY:
        return {}  # It holds for anybody.
    ends = ((entry.rule.source, entry.source_uid), (entry.rule.destination, entry.destination_uid))
    return {end: uid for end, uid in ends if uid is not None}


def _meant_for(entry: Entry, living: Container[str]) -> bool:
    return all(uid in living for uid in _meant(entry).values())
