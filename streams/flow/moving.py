"""Move rules from the firewalls of another placement to ours, so that nothing changes meanwhile.

A flow passes where any firewall lets it, and on one firewall DENY wins. So each ALLOW is written
to the firewalls of its ends together with every DENY that meets it, and only when that has been
told do the firewalls of before go: at every moment the union is what it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from streams.flow.aligner import Said
from streams.flow.caution import element_of, is_over
from streams.flow.differences import firewall_in, read
from streams.graph.model import GraphState
from streams.graph.placements import Placement
from streams.graph.wanted import Owner, WantedGraph
from streams.records.addresses import ANY_ADDRESS
from streams.records.rules import Action, Protocol, Rule
from streams.rules.verdict import Reading
from streams.rules.wording import one_line

Lists = Mapping[str, Collection[Rule]]


class Known(NamedTuple):
    """What is known of a graph: who has which address, what was given away and what was said."""

    owners: Mapping[str, Owner]
    places: Mapping[str, str]
    said: Mapping[str, Said]
    left: Collection[str]
    reading: Reading = Reading.ANY_END


class Moved(NamedTuple):
    """The wanted graph while firewalls of before are there, or why their rules must stay there."""

    wanted: WantedGraph
    refusal: str = ""


def move(wanted: WantedGraph, placement: Placement, state: GraphState, known: Known) -> Moved:
    """Return the graph that is wanted as long as firewalls of another placement have rules."""
    names = sorted(placement.former(state, known.places))
    if not names:
        return Moved(wanted)
    staying = wanted._replace(unwanted=wanted.unwanted.difference(names))
    now = {name: _in_force(state, name, known) for name in names}
    targets = placement.fronts(known.owners, known.places)
    if any(_lets_through(state, name) for name in names):
        return Moved(staying, f"{_listed(names)} let everything through that no rule names")
    if any(now.values()) and not targets:
        return Moved(staying, f"the rules of {_listed(names)} stay until there is a pod")
    if known.reading is Reading.EVERY_HOP and (alone := _alone(now, known)):
        return Moved(staying, f"the rules of {_listed(names)} stay: {alone}")
    parts = [spread(rules, targets) for rules in now.values()]
    if clash := _clash(parts, state, targets.values(), known):
        return Moved(staying, f"the rules of {_listed(names)} stay: {clash}")
    added = {name: _union(part.get(name, ()) for part in parts) for name in targets.values()}
    told = {name: set(said.rules) for name, said in known.said.items()}
    # Revoked on a firewall of before, while what it said stands on others as well by now.
    taken = {rule for name in names for rule in told.get(name, set()) - _rules_in(state, name)}
    if not taken and all(told.get(name, set()) >= set(rules) for name, rules in added.items()):
        return Moved(wanted._replace(unwanted=wanted.unwanted.union(names)))
    return Moved(_with_rules(staying, added, taken))


def spread(rules: Collection[Rule], targets: Mapping[str, str]) -> dict[str, list[Rule]]:
    """Return firewall → its part of one firewall's rules; the targets are given by pod's address.

    What names no pod of today stands on the lowest.
    """
    found: dict[str, list[Rule]] = {}
    lowest = min(targets.values(), default=None)
    allowing = [rule for rule in rules if rule.action is Action.ALLOW]
    denying = [rule for rule in rules if rule.action is Action.DENY]
    if set(targets) == {ANY_ADDRESS}:
        return {targets[ANY_ADDRESS]: [*allowing, *denying]}
    homeless = [rule for rule in rules if not any(_ends_at(rule, each) for each in targets)]
    for address, name in targets.items():
        mine = [rule for rule in allowing if _ends_at(rule, address)]
        mine += [rule for rule in homeless if name == lowest and rule.action is Action.ALLOW]
        denied = [
            rule
            for rule in denying
            if _ends_at(rule, address)
            or (name == lowest and rule in homeless)
            or any(overlap(rule, each) for each in mine)
        ]
        if mine or denied:
            found[name] = [*mine, *denied]
    return found


def overlap(one: Rule, two: Rule) -> bool:
    """Tell whether some packet may match both, as far as addresses and protocols tell."""
    protocols = {one.protocol, two.protocol}
    if len(protocols) > 1 and Protocol.ANY not in protocols:
        return False
    return _meet(one.source, two.source) and _meet(one.destination, two.destination)


def _meet(one: str, two: str) -> bool:
    if ANY_ADDRESS in (one, two):
        return True
    pairs = zip(one.split("."), two.split("."), strict=True)
    return all(left == right or "-1" in (left, right) for left, right in pairs)


def _ends_at(rule: Rule, address: str) -> bool:
    return _meet(rule.source, address) or _meet(rule.destination, address)


def _rules_in(state: GraphState, name: str) -> set[Rule]:
    node = firewall_in(state, name)
    return set(read(node, {}, default_allow=False).said.rules) if node else set()


def _in_force(state: GraphState, name: str, known: Known) -> set[Rule]:
    """Return what a firewall says now, without the rules that ended with a pod."""
    meant = known.said[name].rules if name in known.said else {}
    return {
        rule
        for rule in _rules_in(state, name)
        if not is_over(rule, meant.get(rule, {}), known.owners, known.left)
    }


def _lets_through(state: GraphState, name: str) -> bool:
    node = firewall_in(state, name)
    return node is not None and read(node, {}, default_allow=True).said.default is Action.ALLOW


def _alone(lists: Lists, known: Known) -> str:
    """Return which ALLOW stands before one of its pods and not before another, if any does."""
    firewalls = {uid: name for name, uid in known.places.items() if name in lists}
    fronts = {
        address: firewalls[pod.uid] for address, pod in known.owners.items() if pod.uid in firewalls
    }
    for name, rules in lists.items():
        for rule in rules:
            for address, other in fronts.items():
                stands = rule in lists[other] or not _ends_at(rule, address)
                if rule.action is Action.ALLOW and not stands:
                    return f"{one_line(rule)} stands on {name}, not on {other}"
    return ""


def _clash(parts: Iterable[Lists], state: GraphState, targets: Iterable[str], known: Known) -> str:
    """Return which DENY would newly meet which ALLOW on one firewall, if any would."""
    parts = list(parts)
    for name in sorted(set(targets)):
        lists = [set(part.get(name, ())) for part in parts]
        lists.append(_in_force(state, name, known))
        for rule, other in _met(lists):
            return f"on {name}, {one_line(rule)} would take from {one_line(other)}"
    return ""


def _met(lists: Iterable[Collection[Rule]]) -> Iterator[tuple[Rule, Rule]]:
    lists = list(lists)
    denying = {rule for each in lists for rule in each if rule.action is Action.DENY}
    for each in lists:
        for rule in denying.difference(each):
            for other in each:
                if other.action is Action.ALLOW and overlap(rule, other):
                    yield rule, other


def _union(lists: Iterable[Iterable[Rule]]) -> list[Rule]:
    return list(dict.fromkeys(rule for each in lists for rule in each))


def _with_rules(
    wanted: WantedGraph, added: Mapping[str, list[Rule]], taken: Collection[Rule]
) -> WantedGraph:
    nodes = dict(wanted.nodes)
    for name, rules in added.items():
        if name in nodes:
            gone = tuple(element_of(rule) for rule in taken if rule not in rules)
            added_now = tuple(element_of(rule) for rule in rules)
            nodes[name] = nodes[name]._replace(added=added_now, taken=gone)
    return wanted._replace(nodes=nodes)


def _listed(names: Collection[str]) -> str:
    few = sorted(names)[:3]
    return ", ".join(few) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
