"""Resolve each graph's pods and rules into the view of every pod concerned.

reads   graph-facts
writes  [graph-pods, graph-rules], pod-rules, key-frames; graph-edits, for what of a polled change
        would open too much

The index of a graph lives in memory beside its rows, and is built anew whenever partitions move:
another worker may have written the rows meanwhile.
"""

from __future__ import annotations

from typing import Any

import faust

from agents.commits import committed
from agents.handling import handle_each
from agents.outlet import Outlet
from agents.ownership import when_moved
from streams.flow import router
from streams.flow.graph import Graph
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.lateness import is_time
from streams.flow.output import GRAPH_FACTS, Outputs
from streams.records.cause import Source
from streams.records.facts import GraphFact
from streams.topics import Topics
from tables.catalog import Tables
from tables.partition import PartitionRows


class Graphs:
    """The graphs of the partitions held here, each built from its rows when first asked for."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._built: dict[tuple[str, int], Graph] = {}

    def get(self, name: str, partition: int) -> Graph:
        """Return one graph with its index."""
        graph = self._built.get((name, partition))
        if graph is None:
            pods = PartitionRows[PodsRow](self._tables["graph-pods"], partition)
            rows = PartitionRows[GraphRow](self._tables["graph-rules"], partition)
            graph = self._built[name, partition] = Graph(name, pods, rows)
        return graph

    def forget(self, partition: int, committed: int) -> None:
        """Drop from one partition what only a replay below the committed offset could ask for."""
        for (_, where), graph in self._built.items():
            if where == partition:
                router.forget(graph, committed)

    def clear(self) -> None:
        """Build every graph anew at its next fact."""
        self._built.clear()


def install(
    app: faust.App, topics: Topics, tables: Tables, outlet: Outlet, ours: router.Routing
) -> Any:
    """Attach the agent to the app."""
    graphs = Graphs(tables)
    when_moved(app, graphs.clear)

    def handle(fact: GraphFact, key: str, source: Source) -> Outputs:
        if is_time(source):
            graphs.forget(source.partition, committed(app, source))
        try:
            return router.handle(graphs.get(fact.graph, source.partition), fact, source, ours)
        except Exception:
            # What was put before it failed may be in the rows and not in the index.
            graphs.clear()
            raise

    @app.agent(topics[GRAPH_FACTS], name="rule-router")
    async def route_rules(facts: Any) -> None:
        """Resolve each graph's pods and rules into the view of every pod concerned."""
        await handle_each(app, facts, outlet, handle)

    return route_rules
