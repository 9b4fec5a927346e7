"""Which nodes of a graph are the wanted ones, which have to go, and which are none of ours."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from streams.graph.model import ENDHOST, FIREWALL, FORWARDER, GraphState, Node
from streams.graph.wanted import WantedGraph, WantedNode


class Match(NamedTuple):
    """A graph seen through what is wanted of it."""

    kept: dict[str, Node]
    leaving: tuple[Node, ...]
    foreign: tuple[Node, ...]

    def departed(self) -> set[str]:
        """Return the addresses whose pod goes: nobody inherits the rules that name them."""
        return {
            node.name
            for node in self.leaving
            if node.functional_type == ENDHOST and node.name not in self.kept
        }


def match(current: GraphState, wanted: WantedGraph) -> Match:
    """Sort the nodes; of several that fit one wanted node, the best is kept."""
    fitting: dict[str, list[Node]] = defaultdict(list)
    leaving: list[Node] = []
    foreign: list[Node] = []
    for node in current.nodes:
        wish = wanted.nodes.get(node.name)
        if wish is not None and wish.functional_type == node.functional_type:
            (fitting[node.name] if _fits(node, wish) else leaving).append(node)
        else:
            goes = _is_our_pod(node) or _is_unwanted(node, wanted)
            (leaving if goes else foreign).append(node)
    kept = {name: min(nodes, key=_rank) for name, nodes in fitting.items()}
    for name, nodes in fitting.items():
        for node in nodes:
            if node is not kept[name]:
                (leaving if _is_surplus(node, kept[name]) else foreign).append(node)
    return Match(kept, tuple(leaving), tuple(foreign))


def _fits(node: Node, wish: WantedNode) -> bool:
    if wish.functional_type == FORWARDER:
        return True
    if wish.functional_type == FIREWALL:
        # Without the function object it could never be given rules.
        function = (node.configuration or {}).get("firewall")
        return node.configuration_id is not None and isinstance(function, dict)
    return node.mark == wish.mark or not node.mark[0]


def _rank(node: Node) -> tuple[bool, int, int]:
    return not node.mark[0], -len(node.elements), node.nid


def _is_our_pod(node: Node) -> bool:
    # Somebody's own end host has a name of its own; one without any is a pod from before us.
    nameless = node.functional_type == ENDHOST and not node.mark[0]
    return nameless or node.bears_our_name


def _is_unwanted(node: Node, wanted: WantedGraph) -> bool:
    return node.functional_type in (FIREWALL, FORWARDER) and node.name in wanted.unwanted


def _is_surplus(node: Node, kept: Node) -> bool:
    # A second firewall with rules of its own is somebody's work.
    return all(element in kept.elements for element in node.elements)
