"""Say what a Verefoo graph is: its nodes, whom each stands for, and who is joined to whom."""

from __future__ import annotations

from collections.abc import Mapping

from agents.asking.view import View, short
from streams.graph.model import ENDHOST, GraphState, Node


class GraphNode(View):
    """One node: its id and name in Verefoo, and whom it stands for, or how many rules it has.

    ``missing`` are neighbours that no node is called.
    """

    id: int
    name: str
    kind: str
    stands_for: str
    default_action: str
    rules: int
    neighbours: tuple[str, ...]
    missing: tuple[str, ...]


class GraphLink(View):
    """Two nodes, by their ids, that are joined: the first names the second, or each the other."""

    source: int
    to: int
    both: bool


class VerefooGraph(View):
    """A Verefoo graph as it is now."""

    graph: str
    id: int
    nodes: tuple[GraphNode, ...]
    links: tuple[GraphLink, ...]


def graph_of(name: str, state: GraphState) -> VerefooGraph:
    """Return a graph as answers have it, firewalls first."""
    ids = {node.name: node.nid for node in state.nodes}
    nodes = sorted(state.nodes, key=lambda each: (each.functional_type == ENDHOST, each.nid))
    joined = {
        (node.nid, ids[each.name])
        for node in state.nodes
        for each in node.neighbours
        if each.name in ids
    }
    return VerefooGraph(
        graph=name,
        id=state.gid,
        nodes=tuple(_node(each, ids) for each in nodes),
        links=tuple(
            GraphLink(source=one, to=two, both=(two, one) in joined)
            for one, two in sorted(joined)
            if one < two or (two, one) not in joined
        ),
    )


def _node(node: Node, ids: Mapping[str, int]) -> GraphNode:
    names = tuple(dict.fromkeys(each.name for each in node.neighbours))
    firewall = (node.configuration or {}).get("firewall") or {}
    return GraphNode(
        id=node.nid,
        name=node.name,
        kind=node.functional_type or "",
        stands_for=short(node.mark[0]) if node.bears_our_name else "",
        default_action=str(firewall.get("defaultAction") or ""),
        rules=len(node.elements),
        neighbours=tuple(each for each in names if each in ids),
        missing=tuple(each for each in names if each not in ids),
    )
