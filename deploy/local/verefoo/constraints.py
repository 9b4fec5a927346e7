"""The stored constraints, one set per graph; while there is one, the graph cannot be deleted."""

from __future__ import annotations

from typing import Any

from deploy.local.verefoo.demands import Constraints
from deploy.local.verefoo.failures import Failure
from deploy.local.verefoo.graphs import Graphs


class GraphConstraints:
    """Constraints by graph id."""

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        self.rows: dict[int, dict[str, Any]] = {}

    def get(self, gid: int) -> dict[str, Any]:
        """Return the constraints of a graph."""
        if gid not in self.rows:
            raise Failure(404, f"The constraints of graph {gid} don't exist.")
        return self.rows[gid]

    def put(self, gid: int, constraints: Constraints) -> None:
        """Keep the constraints of a graph, in place of those it had."""
        self._check(gid)
        self.rows[gid] = constraints.stored()

    def delete(self, gid: int) -> None:
        """Forget the constraints of a graph, if it has any."""
        self._check(gid)
        self.rows.pop(gid, None)

    def _check(self, gid: int) -> None:
        if gid not in self._graphs:
            raise Failure(424, f"The graph {gid} doesn't exist.")
