"""From a graph as it is to the graph that is wanted: the edits, in an order safe to stop in.

Whatever names a node goes before the node itself, so that stopping anywhere leaves a reason to go
on; rules first of all, so that nobody who takes over an address inherits them. What is foreign
stays, except for edges to pods that go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.graph.edits import AddNeighbour, AddNode, Edit, RemoveNeighbour, RemoveNode, SetRules
from streams.graph.matching import Match, match
from streams.graph.model import FIREWALL, FORWARDER, Element, GraphState, Node
from streams.graph.wanted import WantedGraph


def align(current: GraphState, wanted: WantedGraph) -> list[Edit]:
    """Return the edits that turn the current graph into the wanted one; none if it is so."""
    found = match(current, wanted)
    present = {node.name for node in (*found.kept.values(), *found.foreign)} | set(wanted.nodes)
    return [
        *_cleaned_rules(found),
        *_moved_rules(found, wanted),
        *_cleaned_neighbours(found, present, wanted),
        *(RemoveNode(node.name, node.nid) for node in found.leaving),
        *(AddNode(node) for name, node in wanted.nodes.items() if name not in found.kept),
        *_missing_neighbours(found, wanted),
    ]


def _cleaned_rules(found: Match) -> Iterator[SetRules]:
    departed = found.departed()
    for node in found.kept.values():
        removed = tuple(each for each in node.elements if _ends(each) & departed)
        if removed and node.functional_type == FIREWALL and node.configuration_id is not None:
            configuration = _without(node, departed)
            yield SetRules(node.name, node.nid, node.configuration_id, configuration, removed)


def _moved_rules(found: Match, wanted: WantedGraph) -> Iterator[SetRules]:
    """Yield what has to change on firewalls that take over the rules of others."""
    for name, node in found.kept.items():
        wish = wanted.nodes[name]
        if node.configuration_id is None or not (wish.added or wish.taken):
            continue
        have = [as_told(each) for each in node.elements]
        missing = [each for each in wish.added if each not in have]
        taken = tuple(each for each in node.elements if as_told(each) in wish.taken)
        if missing or taken:
            configuration = as_told(node.configuration or {})
            remaining = [each for each in have if each not in wish.taken]
            function = as_told(configuration["firewall"]) | {"elements": [*remaining, *missing]}
            changed = configuration | {"firewall": function}
            yield SetRules(name, node.nid, node.configuration_id, changed, taken)


def _without(node: Node, departed: set[str]) -> dict[str, Any]:
    configuration = as_told(node.configuration or {})
    remaining = [as_told(each) for each in node.elements if not _ends(each) & departed]
    function = as_told(configuration["firewall"]) | {"elements": remaining}
    return configuration | {"firewall": function}


def as_told(told: dict[str, Any]) -> dict[str, Any]:
    """Return what a request says to have what an answer showed."""
    # An answer shows every alternative as null, and ids that a request cannot set.
    return {key: value for key, value in told.items() if value is not None and key != "id"}


def _ends(element: Element) -> set[str]:
    ends = (element.get("source"), element.get("destination"))
    return {end for end in ends if isinstance(end, str)}


def _cleaned_neighbours(
    found: Match, present: set[str], wanted: WantedGraph
) -> Iterator[RemoveNeighbour]:
    for node in found.kept.values():
        seen: set[str] = set()
        for neighbour in node.neighbours:
            misled = _is_misled(node.name, neighbour.name, wanted)
            if neighbour.name not in present or neighbour.name in seen or misled:
                yield RemoveNeighbour(node.name, node.nid, neighbour.neid, neighbour.name)
            seen.add(neighbour.name)
    dangling = {node.name for node in found.leaving} - present
    for node in found.foreign:
        for neighbour in node.neighbours:
            if neighbour.name in dangling:
                yield RemoveNeighbour(node.name, node.nid, neighbour.neid, neighbour.name)


def _is_misled(node: str, neighbour: str, wanted: WantedGraph) -> bool:
    """Tell whether an edge between two of ours, one of them a firewall, is of another placement."""
    ends = wanted.nodes[node], wanted.nodes.get(neighbour)
    if ends[1] is None or neighbour in ends[0].neighbours:
        return False
    return any(end.functional_type in (FIREWALL, FORWARDER) for end in ends if end)


def _missing_neighbours(found: Match, wanted: WantedGraph) -> Iterator[AddNeighbour]:
    for name, node in found.kept.items():
        have = {neighbour.name for neighbour in node.neighbours}
        for neighbour in wanted.nodes[name].neighbours:
            if neighbour not in have:
                yield AddNeighbour(name, node.nid, neighbour)
