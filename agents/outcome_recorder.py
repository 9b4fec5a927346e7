"""Remember what became of every policy.

reads   patch-outcomes
writes  [policies]
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import faust

from agents.handling import handle_each
from agents.outlet import Outlet
from streams.flow.output import PATCH_OUTCOMES, Outputs, Refusal
from streams.records.cause import Source
from streams.records.policies import PatchOutcome
from streams.topics import Topics
from tables.catalog import Tables
from tables.partition import PartitionRows

Rows = MutableMapping[str, PatchOutcome]


def handle(rows: Rows, outcome: PatchOutcome, key: str, source: Source) -> Outputs:
    """Remember an outcome unless one of a newer revision is known; marks are for who waits."""
    if outcome.mark is not None:
        return []
    if outcome.key != key:
        return [Refusal("bad-key", f"{key[:80]} carries an outcome of {outcome.key[:80]}")]
    known = rows.get(key)
    if known is None or known.revision.order <= outcome.revision.order:
        rows[key] = outcome
    return []


def install(app: faust.App, topics: Topics, tables: Tables, outlet: Outlet) -> Any:
    """Attach the agent to the app."""

    def take(outcome: PatchOutcome, key: str, source: Source) -> Outputs:
        rows = PartitionRows[PatchOutcome](tables["policies"], source.partition)
        return handle(rows, outcome, key, source)

    @app.agent(topics[PATCH_OUTCOMES], name="outcome-recorder")
    async def record_outcomes(outcomes: Any) -> None:
        """Remember what became of every policy."""
        await handle_each(app, outcomes, outlet, take)

    return record_outcomes
