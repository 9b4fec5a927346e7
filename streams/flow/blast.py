"""Find out for how many pods a change would open something, and what of it only closes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from streams.flow.graph import Graph, on_paper
from streams.flow.graph_rows import FirewallRow
from streams.flow.judging import Judging
from streams.flow.views import Resolved, resolve
from streams.flow.writing import write
from streams.records.facts import FirewallChange
from streams.records.rules import Action, Rule
from streams.records.views import Allowance, OutsideAllowance
from streams.rules.portsets import EVERYTHING, NOTHING, PortSet, from_spans
from streams.rules.spaces import inside, minus


def blast(
    graph: Graph, parts: Sequence[FirewallChange], at: int, judging: Judging, limit: int
) -> int:
    """Return for how many pods a change would open something; 0 if it touches no more than may."""
    with on_paper(graph) as draft:
        touched = write(draft, parts, at, judging.reading)
        if len(touched) <= limit:
            return 0
        after = {key: _resolved(draft, key, judging) for key in touched}
    return sum(opens(_resolved(graph, key, judging), after[key]) for key in touched)


def opens(before: Resolved, after: Resolved) -> bool:
    """Tell whether a pod may exchange something afterwards that it might not before."""
    known = {(each.direction, each.peer.key): _ports(each) for each in before.allowances}
    return any(
        _ports(each) - known.get((each.direction, each.peer.key), NOTHING)
        for each in after.allowances
    ) or any(_is_new(each, before.outside) for each in after.outside)


def closing(parts: Sequence[FirewallChange]) -> list[FirewallChange]:
    """Return what of a change opens nothing: it need not wait until somebody looked at the rest.

    Only what was polled can be divided: it says what came and went, and its rules have no order.
    """
    return [_closing(part) for part in parts if _is_divisible(part)]


def opening(
    parts: Sequence[FirewallChange], known: Mapping[str, FirewallRow]
) -> Iterator[FirewallChange]:
    """Yield the rest of a polled change, firewall by firewall."""
    for part in parts:
        default = known.get(part.firewall, FirewallRow(firewall=part.firewall)).default_action
        said = {
            "added": _those(part.added, Action.ALLOW),
            "removed": _those(part.removed, Action.DENY),
            "default_action": Action.ALLOW if _allows(part) and default is Action.DENY else None,
        }
        if _is_divisible(part) and any(said.values()):
            yield part.model_copy(update=said)


def _is_divisible(part: FirewallChange) -> bool:
    return part.polled and part.elements is None


def _closing(part: FirewallChange) -> FirewallChange:
    said = {
        "added": _those(part.added, Action.DENY),
        "removed": _those(part.removed, Action.ALLOW),
        "default_action": None if _allows(part) else part.default_action,
        "ordered": None,
    }
    return part.model_copy(update=said)


def _allows(part: FirewallChange) -> bool:
    return part.default_action is Action.ALLOW


def _those(rules: Sequence[Rule], action: Action) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.action is action)


def _resolved(graph: Graph, key: str, judging: Judging) -> Resolved:
    row = graph.index.pods[key]
    served = row.live and row.pod.service is None
    return resolve(graph.index, row.pod, judging) if served else Resolved()


def _is_new(allowance: OutsideAllowance, before: Sequence[OutsideAllowance]) -> bool:
    space = inside(allowance.blocks)
    for each in before:
        if each.direction is allowance.direction and not _ports(allowance) - _ports(each):
            space = minus(space, inside(each.blocks))
    return bool(space)


def _ports(allowance: Allowance | OutsideAllowance) -> PortSet:
    return EVERYTHING if allowance.everything else from_spans(allowance.ports)
