"""The stored graphs: plain rows in the shape they are shown in, ids by one counter."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from deploy.local.verefoo.bodies import Configuration, Graph, Neighbour, Node
from deploy.local.verefoo.failures import Failure, not_there
from deploy.local.verefoo.functions import type_of
from deploy.local.verefoo.ids import Ids
from deploy.local.verefoo.storable import check_configuration, check_graph, check_node

Row = dict[str, Any]


class Graphs:
    """Graphs with their nodes; a refused call changes nothing."""

    def __init__(self, ids: Ids, seed: int = 0) -> None:
        self._ids = ids
        # Order is lost at each write and then stays: no caller may come to rely on it.
        self._shuffle = random.Random(seed).shuffle
        self.rows: dict[int, Row] = {}

    def __contains__(self, gid: int) -> bool:
        return gid in self.rows

    def get(self, gid: int) -> Row:
        """Return one graph."""
        if gid not in self.rows:
            raise not_there("graph", gid)
        return self.rows[gid]

    def create(self, graphs: list[Graph]) -> list[int]:
        """Keep new graphs; return their ids in the order given."""
        if not graphs:
            raise Failure(500, "Index 0 out of bounds for length 0")
        for graph in graphs:
            check_graph(graph)
        return [self._create(graph) for graph in graphs]

    def replace(self, gid: int, graph: Graph) -> None:
        """Lay the nodes given over those stored, place by place, whatever their names."""
        stored = self.get(gid)
        check_graph(graph)
        stored["serviceGraph"] = graph.service_graph
        nodes: list[Row] = stored["node"]
        for row, node in zip(nodes, graph.node, strict=False):
            self._overwrite(row, node)
        for row in nodes[len(graph.node) :]:
            self._free_node(row)
        del nodes[len(graph.node) :]
        nodes.extend(self._new_node(node) for node in graph.node[len(nodes) :])
        self._shuffle(nodes)

    def delete(self, gid: int) -> None:
        """Forget a graph and all that is in it."""
        for node in self.get(gid)["node"]:
            self._free_node(node)
        del self.rows[gid]
        self._ids.free(gid)

    def node(self, nid: int) -> Row:
        """Return a node, in whichever graph it is."""
        for node in self._nodes():
            if node["id"] == nid:
                return node
        raise not_there("node", nid)

    def add_node(self, gid: int, node: Node) -> int:
        """Keep a new node; names may repeat and neighbours need not exist."""
        graph = self.get(gid)
        check_node(node)
        row = self._new_node(node)
        graph["node"].append(row)
        self._shuffle(graph["node"])
        return int(row["id"])

    def replace_node(self, nid: int, node: Node) -> None:
        """Lay a node over a stored one: neighbours that are not given are gone."""
        row = self.node(nid)
        check_node(node)
        self._overwrite(row, node)

    def delete_node(self, gid: int, nid: int) -> None:
        """Forget a node; entries and rules that name it elsewhere stay."""
        graph = self.get(gid)
        found = [node for node in graph["node"] if node["id"] == nid]
        if not found and any(node["id"] == nid for node in self._nodes()):
            # The original destroys the other graph here; nobody wants that back.
            raise not_there("node", nid)
        for node in found:
            graph["node"].remove(node)
            self._free_node(node)

    def add_neighbour(self, nid: int, neighbour: Neighbour) -> int:
        """Keep a new neighbour entry."""
        entries = self.node(nid)["neighbour"]
        entry = self._new_neighbour(neighbour)
        entries.append(entry)
        self._shuffle(entries)
        return int(entry["id"])

    def delete_neighbour(self, neid: int) -> None:
        """Forget a neighbour entry, whoever's it is."""
        for node in self._nodes():
            for entry in node["neighbour"]:
                if entry["id"] == neid:
                    node["neighbour"].remove(entry)
                    self._ids.free(neid)
                    return
        raise not_there("neighbour", neid)

    def replace_configuration(self, nid: int, cid: int, configuration: Configuration) -> None:
        """Lay a configuration over the node's own; a node without one gets it, under a new id."""
        row = self.node(nid)
        if row["configuration"] is not None and row["configuration"]["id"] != cid:
            raise not_there("configuration", cid)
        check_configuration(configuration)
        self._configure(row, configuration)

    def _nodes(self) -> Iterator[Row]:
        for graph in self.rows.values():
            yield from graph["node"]

    def _create(self, graph: Graph) -> int:
        gid = self._ids.take()
        nodes = [self._new_node(node) for node in graph.node]
        self._shuffle(nodes)
        self.rows[gid] = {"node": nodes, "id": gid, "serviceGraph": graph.service_graph}
        return gid

    def _new_node(self, node: Node) -> Row:
        row = node.stored()
        row["id"] = self._ids.take()
        row["neighbour"] = [self._new_neighbour(entry) for entry in node.neighbour]
        self._shuffle(row["neighbour"])
        row["configuration"] = None
        if node.configuration is not None:
            row["configuration"] = self._new_configuration(node.configuration, self._ids.take())
        return row

    def _new_neighbour(self, neighbour: Neighbour) -> Row:
        return neighbour.stored() | {"id": self._ids.take()}

    def _new_configuration(self, configuration: Configuration, cid: int) -> Row:
        row = configuration.stored() | {"id": cid}
        for function in ("firewall", "statefulFirewall"):
            if row[function] is not None:
                self._shuffle(row[function]["elements"])
        return row

    def _overwrite(self, row: Row, node: Node) -> None:
        row["name"] = node.name
        row["functionalType"] = node.functional_type
        self._rename_neighbours(row["neighbour"], node.neighbour)
        if node.configuration is not None:
            self._configure(row, node.configuration)
        elif row["configuration"] is not None:
            self._ids.free(row["configuration"]["id"])
            row["configuration"] = None

    def _rename_neighbours(self, entries: list[Row], neighbours: list[Neighbour]) -> None:
        # Old ids go to the first names, whichever they had before.
        for entry, neighbour in zip(entries, neighbours, strict=False):
            entry["name"] = neighbour.name
        for entry in entries[len(neighbours) :]:
            self._ids.free(entry["id"])
        del entries[len(neighbours) :]
        entries.extend(self._new_neighbour(new) for new in neighbours[len(entries) :])
        self._shuffle(entries)

    def _configure(self, row: Row, configuration: Configuration) -> None:
        before = row["configuration"]
        cid = self._ids.take() if before is None else before["id"]
        row["configuration"] = self._new_configuration(configuration, cid)
        row["functionalType"] = type_of(configuration) or row["functionalType"]

    def _free_node(self, node: Row) -> None:
        for entry in node["neighbour"]:
            self._ids.free(entry["id"])
        if node["configuration"] is not None:
            self._ids.free(node["configuration"]["id"])
        self._ids.free(node["id"])
