"""Say for which identity each pod's claim is, where the nodes of a graph are no pods.

reads   identity-facts
writes  [identities], graph-facts, graph-edits

The state of a graph lives in memory beside its rows, and is built anew whenever partitions move:
another worker may have written the rows meanwhile.
"""

from __future__ import annotations

from typing import Any

import faust

from agents.commits import committed
from agents.handling import handle_each
from agents.outlet import Outlet
from agents.ownership import when_moved
from streams.flow import identities
from streams.flow.identity_rows import Identities, IdentitiesRow
from streams.flow.lateness import is_time
from streams.flow.output import IDENTITY_FACTS, Outputs
from streams.records.cause import Source
from streams.records.facts import GraphFact
from streams.topics import Topics
from tables.catalog import Tables
from tables.partition import PartitionRows


class KeptIdentities:
    """The identities of the graphs held here, each built from its rows when first asked for."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._built: dict[tuple[str, int], Identities] = {}

    def get(self, graph: str, partition: int) -> Identities:
        """Return the identities of one graph; its partition must be here, and recovered."""
        found = self._built.get((graph, partition))
        if found is None:
            rows = PartitionRows[IdentitiesRow](self._tables["identities"], partition)
            found = self._built[graph, partition] = Identities(graph, rows)
        return found

    def forget(self, partition: int, committed: int) -> None:
        """Drop from one partition what only a replay below the committed offset could ask for."""
        for (_, where), found in self._built.items():
            if where == partition:
                identities.forget(found, committed)

    def clear(self) -> None:
        """Build the identities of every graph anew at its next fact."""
        self._built.clear()


def install(
    app: faust.App,
    topics: Topics,
    outlet: Outlet,
    kept: KeptIdentities,
    ours: identities.Identifying,
) -> Any:
    """Attach the agent to the app."""
    when_moved(app, kept.clear)

    def handle(fact: GraphFact, key: str, source: Source) -> Outputs:
        if is_time(source):
            kept.forget(source.partition, committed(app, source))
        state = kept.get(fact.graph, source.partition)
        # At every fact: a row that changes often would become too large to be told.
        state.note_committed(committed(app, source))
        try:
            return identities.handle(state, fact, source, ours)
        except Exception:
            # What was put before it failed may be in the rows and not in memory.
            kept.clear()
            raise

    @app.agent(topics[IDENTITY_FACTS], name="identity-keeper")
    async def keep_identities(facts: Any) -> None:
        """Say for which identity each pod's claim is."""
        await handle_each(app, facts, outlet, handle)

    return keep_identities
