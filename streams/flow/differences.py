"""From what a firewall said before to what it says now: what came, what went, in parts that fit."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from streams.flow.aligner import Said
from streams.graph.model import ENDHOST, Element, GraphState, Node
from streams.records.facts import ChangeSet, FirewallChange
from streams.records.rules import Action, Rule

# A rule is about 200 bytes, its two holders as much again.
MOST_RULES = 500


class Read(NamedTuple):
    """What a firewall says now: as far as we can read it, and the rest as it stands there."""

    said: Said
    unreadable: tuple[dict[str, Any], ...]


class Delta(NamedTuple):
    """What came and what went; a rule in both was given anew."""

    added: tuple[Rule, ...]
    removed: tuple[Rule, ...]


class Opening(NamedTuple):
    """What a firewall says that may open something: a rule that came or went, or its default."""

    firewall: str
    rule: Rule | None


def firewall_in(state: GraphState, name: str) -> Node | None:
    """Return the firewall of this name; None if it is not there, or bare of what makes it one."""
    node = state.firewall(name)
    function = (node.configuration or {}).get("firewall") if node else None
    return node if isinstance(function, dict) else None


def read(node: Node, holders: Mapping[str, str], default_allow: bool) -> Read:
    """Read a firewall's node; what cannot be read keeps nobody else from being read."""
    rules: dict[Rule, Mapping[str, str]] = {}
    unreadable: list[dict[str, Any]] = []
    for element in node.elements:
        rule = read_rule(element)
        if rule is None:
            unreadable.append({"added": [element]})
        else:
            ends = (rule.source, rule.destination)
            rules[rule] = {end: holders[end] for end in ends if end in holders}
    told = (node.configuration or {})["firewall"].get("defaultAction")
    default = Action.ALLOW if told == Action.ALLOW and default_allow else Action.DENY
    if told != default:
        # Whatever else it means, it is not a reason to open anything.
        unreadable.append({"defaultAction": told})
    return Read(Said(default, rules), tuple(unreadable))


def read_rule(element: Element) -> Rule | None:
    """Read one element; None if it is no rule of ours."""
    # Verefoo shows what was never given as null.
    given = {key: value for key, value in element.items() if value is not None}
    return _rule(json.dumps(given, sort_keys=True))


@lru_cache(maxsize=1 << 14)
def _rule(text: str) -> Rule | None:
    try:
        return Rule.model_validate_json(text)
    except ValidationError:
        return None


def holders_in(state: GraphState) -> dict[str, str]:
    """Return address → uid of the pods, as the nodes' descriptions say."""
    pods = [node for node in state.nodes if node.functional_type == ENDHOST]
    return {node.name: node.mark[1] for node in reversed(pods) if node.mark[1]}


def differences(
    known: Mapping[Rule, Mapping[str, str]],
    told: Mapping[Rule, Mapping[str, str]],
    ended: Collection[Rule] = (),
) -> Delta:
    """Return what turns the known rules into the told ones.

    A rule that was ended and is told all the same was given anew, and so was one that was meant
    for other pods than those who hold its addresses now: nobody inherits.
    """
    anew = {rule for rule in told if rule in known and _is_anew(rule, known, told, ended)}
    added = {rule for rule in told if rule not in known} | anew
    removed = {rule for rule in known if rule not in told} | anew
    return Delta(_sorted(added), _sorted(removed))


def openings(firewall: str, default: Action, delta: Delta) -> set[Opening]:
    """Return what of a difference may open something."""
    added = {rule for rule in delta.added if rule.action is Action.ALLOW}
    removed = {rule for rule in delta.removed if rule.action is Action.DENY}
    found = {Opening(firewall, rule) for rule in added | removed}
    return found | ({Opening(firewall, None)} if default is Action.ALLOW else set())


def without(
    left_out: Collection[Opening], firewall: str, default: Action, delta: Delta
) -> tuple[str, Action, Delta]:
    """Return a difference without what is left out of it."""
    added, removed = (
        tuple(rule for rule in rules if Opening(firewall, rule) not in left_out) for rules in delta
    )
    by_default = Action.DENY if Opening(firewall, None) in left_out else default
    return firewall, by_default, Delta(added, removed)


def changes(
    graph: str,
    firewall: str,
    default: Action,
    delta: Delta,
    holders: Mapping[str, str],
    owner: str = "",
) -> list[FirewallChange]:
    """Return the delta in parts that fit a record; without rules, as the default alone."""
    steps = [("removed", rule) for rule in delta.removed] + [("added", r) for r in delta.added]
    pieces = [steps[at : at + MOST_RULES] for at in range(0, len(steps), MOST_RULES)] or [[]]
    return [
        FirewallChange(
            graph=graph,
            firewall=firewall,
            default_action=default,
            added=tuple(rule for what, rule in piece if what == "added"),
            removed=tuple(rule for what, rule in piece if what == "removed"),
            polled=True,
            holders=_meant((rule for _, rule in piece), holders),
            owner=owner,
        )
        for piece in pieces
    ]


def in_one_set(parts: Sequence[FirewallChange], name: str) -> list[FirewallChange]:
    """Return the parts as one change set: they count together, or not at all."""
    return [
        part.model_copy(update={"change_set": ChangeSet(id=name, part=number, of=len(parts))})
        for number, part in enumerate(parts, 1)
    ]


def _is_anew(
    rule: Rule,
    known: Mapping[Rule, Mapping[str, str]],
    told: Mapping[Rule, Mapping[str, str]],
    ended: Collection[Rule],
) -> bool:
    before, now = known[rule], told[rule]
    return rule in ended or any(now.get(end, uid) != uid for end, uid in before.items())


def _sorted(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(sorted(rules, key=lambda rule: tuple(_words(rule))))


def _words(rule: Rule) -> Iterator[str]:
    return (str(value) for _, value in rule)


def _meant(rules: Iterable[Rule], holders: Mapping[str, str]) -> dict[str, str]:
    ends = {end for rule in rules for end in (rule.source, rule.destination)}
    return {end: holders[end] for end in sorted(ends) if end in holders}
