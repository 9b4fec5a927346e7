"""A Verefoo graph as it was read, however untidy."""

from __future__ import annotations

from typing import Any, NamedTuple

Element = dict[str, Any]

FIREWALL = "FIREWALL"
FORWARDER = "FORWARDER"
ENDHOST = "ENDHOST"


class Neighbour(NamedTuple):
    """A directed edge to whatever has this name, if anything has."""

    neid: int
    name: str


class Node(NamedTuple):
    """One graph node; its ids mean nothing once somebody has written."""

    nid: int
    name: str
    functional_type: str | None
    neighbours: tuple[Neighbour, ...]
    configuration_id: int | None
    configuration: dict[str, Any] | None

    @property
    def mark(self) -> tuple[str, str]:
        """Return what the configuration is called and described as; empty if it says nothing."""
        configuration = self.configuration or {}
        return str(configuration.get("name") or ""), str(configuration.get("description") or "")

    @property
    def bears_our_name(self) -> bool:
        """Tell whether it is an end host named as we name those of pods and of identities."""
        return self.functional_type == ENDHOST and self.mark[0].count("/") in (2, 3)

    @property
    def elements(self) -> list[Element]:
        """Return the rules of a firewall as Verefoo tells them; other nodes have none."""
        firewall = (self.configuration or {}).get("firewall")
        return list(firewall["elements"]) if firewall else []


class GraphState(NamedTuple):
    """A graph at one moment; names may repeat and edges may lead nowhere."""

    gid: int
    nodes: tuple[Node, ...]

    def firewall(self, name: str) -> Node | None:
        """Return the firewall of this name: of several, the one with most rules."""
        found = [
            node for node in self.nodes if (node.functional_type, node.name) == (FIREWALL, name)
        ]
        return min(found, key=lambda node: (-len(node.elements), node.nid), default=None)


def parse_graph(told: Any) -> GraphState:
    """Read a graph as Verefoo's JSON tells it; raise ValueError if that is no graph.

    A list that is not there is not an empty one: who took it for one would remove, or open,
    everything.
    """
    graph = _object(told, "graph")
    nodes = tuple(_node(node) for node in _list(graph.get("node"), "node"))
    if len({node.nid for node in nodes}) != len(nodes):
        # Which of them would be changed, or deleted?
        raise ValueError("two nodes have the same id")
    return GraphState(gid=_id(graph.get("id"), "graph"), nodes=nodes)


def _node(told: Any) -> Node:
    node = _object(told, "node")
    entries = node.get("neighbour")
    configuration = node.get("configuration")
    if configuration is not None:
        configuration = _object(configuration, "configuration")
        _check_rules(configuration.get("firewall"))
    cid = None if configuration is None else _id(configuration.get("id"), "configuration")
    return Node(
        nid=_id(node.get("id"), "node"),
        name=_text(node.get("name"), "node"),
        functional_type=_text(node.get("functionalType"), "functional type") or None,
        # Without any it has no edges, and one more would be no harm.
        neighbours=()
        if entries is None
        else tuple(_neighbour(entry) for entry in _list(entries, "neighbour")),
        configuration_id=cid,
        configuration=configuration,
    )


def _check_rules(told: Any) -> None:
    if told is not None:
        for rule in _list(_object(told, "firewall").get("elements"), "elements"):
            _object(rule, "rule")


def _neighbour(told: Any) -> Neighbour:
    entry = _object(told, "neighbour")
    return Neighbour(_id(entry.get("id"), "neighbour"), _text(entry.get("name"), "neighbour"))


def _object(told: Any, what: str) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise ValueError(f"a {what} should be an object: {str(told)[:60]!r}")
    return told


def _list(told: Any, what: str) -> list[Any]:
    if not isinstance(told, list):
        raise ValueError(f"{what} should be a list: {str(told)[:60]!r}")
    return told


def _id(told: Any, what: str) -> int:
    # 0 is an id like any other; True is not.
    if type(told) is not int or told < 0:
        raise ValueError(f"a {what} has a number for an id: {str(told)[:60]!r}")
    return told


def _text(told: Any, what: str) -> str:
    if not isinstance(told, str | None):
        raise ValueError(f"a {what} has a text for a name: {str(told)[:60]!r}")
    return told or ""
