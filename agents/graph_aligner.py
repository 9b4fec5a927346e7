"""Store what each graph should be; making it so is left to its keeper.

reads   graph-edits
writes  [graphs]
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

import faust

from agents.handling import handle_each
from agents.outlet import Outlet
from streams.flow import aligner
from streams.flow.output import GRAPH_EDITS, Outputs
from streams.records.cause import Source
from streams.records.facts import GraphFact
from streams.topics import Topics
from tables.catalog import Tables
from tables.partition import PartitionRows


class Keeper(Protocol):
    """Whoever makes a graph as it should be, in a loop of its own."""

    def heard(self, fact: GraphFact, source: Source) -> None:
        """Take in one fact that was just stored."""

    def close(self) -> None:
        """Forget what is known of the graph: its partition moves."""


def install(
    app: faust.App,
    topics: Topics,
    tables: Tables,
    outlet: Outlet,
    keepers: Mapping[str, Keeper],
    ours: aligner.Aligning,
) -> Any:
    """Attach the agent to the app."""

    _follow_moves(app, keepers.values())

    def handle(fact: GraphFact, key: str, source: Source) -> Outputs:
        rows = PartitionRows[aligner.AlignerRow](tables["graphs"], source.partition)
        aligner.remember(rows, fact, source, ours)
        # Waiting for Verefoo here would hold up every partition of this worker.
        if fact.graph in keepers:
            keepers[fact.graph].heard(fact, source)
        return []

    @app.agent(topics[GRAPH_EDITS], name="graph-aligner")
    async def store_edits(facts: Any) -> None:
        """Store what each graph should be."""
        await handle_each(app, facts, outlet, handle)

    return store_edits


def _follow_moves(app: faust.App, keepers: Collection[Keeper]) -> None:
    async def on_moving(*_: Any, **__: Any) -> None:
        # Another worker may write the rows before they are ours again.
        for keeper in keepers:
            keeper.close()

    app.on_partitions_revoked.connect(on_moving, weak=False)
