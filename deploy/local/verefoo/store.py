"""All that this Verefoo knows: pure state, which a file can keep."""

from __future__ import annotations

from pathlib import Path

import orjson

from deploy.local.verefoo.constraints import GraphConstraints
from deploy.local.verefoo.failures import Failure
from deploy.local.verefoo.graphs import Graphs
from deploy.local.verefoo.ids import Ids
from deploy.local.verefoo.requirements import Requirements


class Store:
    """Graphs, constraints and requirements over one space of ids."""

    def __init__(self, seed: int = 0) -> None:
        self._ids = Ids()
        self.graphs = Graphs(self._ids, seed)
        self.constraints = GraphConstraints(self.graphs)
        self.requirements = Requirements(self._ids, self.graphs)

    def delete_graph(self, gid: int) -> None:
        """Forget a graph nothing refers to."""
        self.graphs.get(gid)
        self._check_unreferenced(gid)
        self.graphs.delete(gid)

    def delete_graphs(self) -> None:
        """Forget all graphs, or none if something refers to one of them."""
        for gid in self.graphs.rows:
            self._check_unreferenced(gid)
        for gid in list(self.graphs.rows):
            self.graphs.delete(gid)

    def save(self, path: Path) -> None:
        """Write everything to a file, whole or not at all."""
        kept = {
            "ids": {"following": self._ids.following, "freed": self._ids.freed},
            "graphs": self.graphs.rows,
            "constraints": self.constraints.rows,
            "requirements": self.requirements.rows,
        }
        beside = path.with_name(path.name + ".new")
        beside.write_bytes(orjson.dumps(kept, option=orjson.OPT_NON_STR_KEYS))
        beside.replace(path)

    def load(self, path: Path) -> None:
        """Take everything from a file that `save` wrote."""
        kept = orjson.loads(path.read_bytes())
        self._ids.following = kept["ids"]["following"]
        self._ids.freed = kept["ids"]["freed"]
        self.graphs.rows = {int(gid): row for gid, row in kept["graphs"].items()}
        self.constraints.rows = {int(gid): row for gid, row in kept["constraints"].items()}
        self.requirements.rows = {
            int(rid): {int(pid): row for pid, row in rows.items()}
            for rid, rows in kept["requirements"].items()
        }

    def _check_unreferenced(self, gid: int) -> None:
        if gid in self.constraints.rows or self.requirements.speak_of(gid):
            raise Failure(424, f"The graph {gid} is referenced and can't be deleted.")
