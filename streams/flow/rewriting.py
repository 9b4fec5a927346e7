"""Say rules about nodes of one kind in the addresses of another: of pods, or of identities.

A rule that holds for some pods of an identity only cannot be said of the identity: it is said of
all of them, and whoever asked is told which rules those are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import product
from typing import NamedTuple

from streams.records.addresses import ANY_ADDRESS, is_exact, matches
from streams.records.rules import Rule
from streams.rules.wording import one_line

Pods = frozenset[str]
# An end that stays as it is said: nobody is counted there.
_ITSELF = frozenset({""})


class Nodes(NamedTuple):
    """The keys of the pods that each address means, before and after; none: its pods are gone."""

    before: Mapping[str, Pods]
    after: Mapping[str, Pods]


class Partial(NamedTuple):
    """A rule that was said of some pairs of pods, and is said of more."""

    rule: Rule
    said: int
    of: int

    @property
    def text(self) -> str:
        """Return it in one line."""
        return f"{one_line(self.rule)}: said of {self.said} of {self.of} pairs of pods"


class Rewritten(NamedTuple):
    """The rules in other addresses, and which of those were ``partial``, or ``ended`` by now."""

    rules: tuple[Rule, ...]
    partial: tuple[Partial, ...]
    ended: tuple[Rule, ...]


def rewrite(rules: Iterable[Rule], nodes: Nodes) -> Rewritten:
    """Return the rules that mean the same pods by the addresses of after, each once."""
    homes = {pod: address for address, pods in nodes.after.items() for pod in pods}
    covered: dict[Rule, set[tuple[str, str]]] = {}
    ended: list[Rule] = []
    for rule in rules:
        ends = (rule.source, rule.destination)
        sources, destinations = (_end(said, nodes, homes) for said in ends)
        if not (sources and destinations):
            ended.append(rule)
        for (source, left), (destination, right) in product(sources.items(), destinations.items()):
            said = rule.model_copy(update={"source": source, "destination": destination})
            covered.setdefault(said, set()).update(product(left, right))
    partial = []
    for rule, pairs in covered.items():
        sizes = [len(nodes.after.get(end, _ITSELF)) for end in (rule.source, rule.destination)]
        if len(pairs) < sizes[0] * sizes[1]:
            partial.append(Partial(rule, len(pairs), sizes[0] * sizes[1]))
    return Rewritten(tuple(covered), tuple(partial), tuple(ended))


def _end(said: str, nodes: Nodes, homes: Mapping[str, str]) -> dict[str, Pods]:
    """Return the ends that stand for one, each with whom of its pods the rule is about."""
    if said == ANY_ADDRESS or (is_exact(said) and said not in nodes.before):
        return {said: _ITSELF}
    if is_exact(said):
        return _at_home(nodes.before[said], homes)
    inside = [pods for address, pods in nodes.before.items() if matches(said, address)]
    found = _at_home(frozenset().union(*inside), homes)
    then = {address for address in nodes.after if matches(said, address)}
    if all(found.get(address, frozenset()) == nodes.after[address] for address in then):
        # It may mean addresses outside as well, and it means nobody else of ours.
        kept = {address: pods for address, pods in found.items() if address not in then}
        return {said: _ITSELF, **kept}
    return found


def _at_home(pods: Pods, homes: Mapping[str, str]) -> dict[str, Pods]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for pod in sorted(pods & homes.keys()):
        found[homes[pod]].add(pod)
    return {address: frozenset(members) for address, members in found.items()}
