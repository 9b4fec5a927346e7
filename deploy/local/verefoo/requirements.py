"""The stored requirement sets; while one speaks of a graph, the graph cannot be deleted."""

from __future__ import annotations

from typing import Any

from deploy.local.verefoo.demands import Property, PropertyDefinition
from deploy.local.verefoo.failures import Failure, not_there
from deploy.local.verefoo.graphs import Graphs
from deploy.local.verefoo.ids import Ids

Row = dict[str, Any]


class Requirements:
    """Sets of properties, kept by set id and property id."""

    def __init__(self, ids: Ids, graphs: Graphs) -> None:
        self._ids = ids
        self._graphs = graphs
        self.rows: dict[int, dict[int, Row]] = {}

    def speak_of(self, gid: int) -> bool:
        """Tell whether a requirement is about this graph."""
        return any(row["graph"] == gid for rows in self.rows.values() for row in rows.values())

    def get(self, rid: int) -> Row:
        """Return one set; the ids of its properties are not shown."""
        return {"property": list(self._set(rid).values())}

    def create(self, definition: PropertyDefinition) -> int:
        """Keep a new set."""
        self._check(definition.property)
        rid = self._ids.take()
        self.rows[rid] = self._new_rows(definition)
        return rid

    def replace(self, rid: int, definition: PropertyDefinition) -> None:
        """Put other requirements into a set."""
        rows = self._set(rid)
        self._check(definition.property)
        for pid in rows:
            self._ids.free(pid)
        self.rows[rid] = self._new_rows(definition)

    def delete(self, rid: int) -> None:
        """Forget a set and its requirements."""
        for pid in self._set(rid):
            self._ids.free(pid)
        del self.rows[rid]
        self._ids.free(rid)

    def add_property(self, rid: int, new: Property) -> int:
        """Keep one more requirement."""
        rows = self._set(rid)
        self._check([new])
        pid = self._ids.take()
        rows[pid] = new.stored()
        return pid

    def property(self, pid: int) -> Row:
        """Return one requirement, in whichever set it is."""
        return self._home(pid)[pid]

    def replace_property(self, pid: int, new: Property) -> None:
        """Say one requirement anew."""
        home = self._home(pid)
        self._check([new])
        home[pid] = new.stored()

    def delete_property(self, pid: int) -> None:
        """Forget one requirement."""
        del self._home(pid)[pid]
        self._ids.free(pid)

    def _set(self, rid: int) -> dict[int, Row]:
        if rid not in self.rows:
            raise not_there("requirement set", rid)
        return self.rows[rid]

    def _home(self, pid: int) -> dict[int, Row]:
        for rows in self.rows.values():
            if pid in rows:
                return rows
        raise not_there("property", pid)

    def _new_rows(self, definition: PropertyDefinition) -> dict[int, Row]:
        return {self._ids.take(): new.stored() for new in definition.property}

    def _check(self, properties: list[Property]) -> None:
        for new in properties:
            if new.graph not in self._graphs:
                raise Failure(424, f"The graph {new.graph} doesn't exist.")
            if new.name in (None, "COMPLETE_REACHABILITY_PROPERTY"):
                raise Failure(500)
