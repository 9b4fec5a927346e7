"""Edits done to a graph in memory: the least a Verefoo has to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from streams.graph.alignment import align
from streams.graph.edits import (
    AddNeighbour,
    AddNode,
    Edit,
    RemoveNeighbour,
    RemoveNode,
    SetRules,
)
from streams.graph.model import Element, GraphState, parse_graph
from streams.graph.star import Star
from streams.graph.wanted import Owner, WantedGraph

FIREWALL = "10.0.0.1"


def star(pods: Mapping[str, Owner]) -> WantedGraph:
    """Return the star of these pods."""
    return Star(FIREWALL).wanted(pods, {})


class MemoryGraph:
    """A graph that does what the edits say; ids are never used again."""

    def __init__(self) -> None:
        self.nodes: dict[int, dict[str, Any]] = {}
        self._last = 0

    @property
    def state(self) -> GraphState:
        return parse_graph({"id": 0, "node": list(self.nodes.values())})

    def become(self, graph: WantedGraph) -> list[Edit]:
        """Align, and return the edits it took."""
        edits = align(self.state, graph)
        for edit in edits:
            self.do(edit)
        return edits

    def hold(self, pods: Mapping[str, Owner]) -> list[Edit]:
        """Become the star of these pods."""
        return self.become(star(pods))

    def add(self, told: Mapping[str, Any]) -> int:
        """Add a node as somebody else might."""
        nid = self._id()
        entries = [dict(entry) | {"id": self._id()} for entry in told.get("neighbour") or ()]
        configuration = told.get("configuration")
        if configuration is not None:
            configuration = dict(configuration) | {"id": self._id()}
        self.nodes[nid] = {
            **told,
            "id": nid,
            "neighbour": entries,
            "configuration": configuration,
        }
        return nid

    def rule(self, *rules: Element) -> None:
        """Give the firewall these rules, and no others."""
        (node,) = [node for node in self.nodes.values() if node["name"] == FIREWALL]
        node["configuration"]["firewall"] = {"defaultAction": "DENY", "elements": list(rules)}

    def rules(self) -> list[Element]:
        """Return the firewall's rules."""
        firewall = self.state.firewall(FIREWALL)
        assert firewall is not None
        return firewall.elements

    def do(self, edit: Edit) -> None:
        match edit:
            case SetRules(nid=nid, cid=cid, configuration=configuration):
                assert self.nodes[nid]["configuration"]["id"] == cid
                self.nodes[nid]["configuration"] = configuration | {"id": cid}
            case RemoveNeighbour(nid=nid, neid=neid):
                entries = self.nodes[nid]["neighbour"]
                (entry,) = [entry for entry in entries if entry["id"] == neid]
                entries.remove(entry)
            case RemoveNode(nid=nid):
                del self.nodes[nid]
            case AddNode(node=node):
                self.add(node.as_verefoo_tells_it())
            case AddNeighbour(nid=nid, name=name):
                self.nodes[nid]["neighbour"].append({"id": self._id(), "name": name})

    def _id(self) -> int:
        self._last += 1
        return self._last


def rule(source: str, destination: str) -> Element:
    """Return an element as Verefoo tells it."""
    return {
        "id": None,
        "action": "ALLOW",
        "source": source,
        "destination": destination,
        "protocol": "TCP",
        "srcPort": "*",
        "dstPort": "80",
        "priority": None,
        "directional": True,
    }


def owner(name: str, uid: str = "u1") -> Owner:
    """Return a pod of the one namespace."""
    return Owner(f"c/shop/{name}", uid)


def shape(state: GraphState) -> set[tuple[str, str | None, tuple[str, str], frozenset[str]]]:
    """Return all of a graph but its ids and its order."""
    return {
        (
            node.name,
            node.functional_type,
            node.mark,
            frozenset(neighbour.name for neighbour in node.neighbours),
        )
        for node in state.nodes
    }


def kinds(edits: Iterable[Edit]) -> list[str]:
    """Return what the edits are, without what they are about."""
    return [type(edit).__name__ for edit in edits]
