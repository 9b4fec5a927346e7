"""Remember what became of every policy.

reads   patch-outcomes
writes  [policies]
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import faust

from agents.handling import handle_each
from agents.metrics import Metrics
from agents.outlet import Outlet
from streams.flow.lateness import LATEST, is_time
from streams.flow.output import PATCH_OUTCOMES, Outputs, Refusal
from streams.records.cause import Source
from streams.records.policies import Outcome, PatchOutcome
from streams.records.reasons import LetterReason
from streams.topics import Topics
from tables.catalog import Tables
from tables.partition import PartitionRows

Rows = MutableMapping[str, PatchOutcome]


def handle(rows: Rows, outcome: PatchOutcome, key: str, source: Source) -> Outputs:
    """Remember an outcome unless one of a newer revision is known; marks are for who waits."""
    if outcome.mark is not None:
        return []
    if outcome.key != key:
        return [
            Refusal(LetterReason.BAD_KEY, f"{key[:80]} carries an outcome of {outcome.key[:80]}")
        ]
    known = rows.get(key)
    if known is None or known.revision.order <= outcome.revision.order:
        rows[key] = outcome
    return []


def forget(rows: Rows, now: float) -> None:
    """Drop what became of policies that went with their pods a day ago."""
    for key, outcome in list(rows.items()):
        if outcome.outcome is Outcome.DELETED and outcome.at < now - LATEST:
            del rows[key]


def count(metrics: Metrics, outcome: PatchOutcome) -> None:
    """Count an outcome, what it could not say, and how long it took."""
    if outcome.mark is not None:
        return
    metrics.outcome(outcome.outcome)
    for one in outcome.inexact:
        metrics.inexact(one.reason)
    if outcome.outcome is Outcome.APPLIED and outcome.cause is not None and outcome.cause.at:
        metrics.applied(outcome.at - outcome.cause.at)


def install(app: faust.App, topics: Topics, tables: Tables, outlet: Outlet) -> Any:
    """Attach the agent to the app."""

    def take(outcome: PatchOutcome, key: str, source: Source) -> Outputs:
        rows = PartitionRows[PatchOutcome](tables["policies"], source.partition)
        count(outlet.metrics, outcome)
        if is_time(source):
            forget(rows, source.at)
        return handle(rows, outcome, key, source)

    @app.agent(topics[PATCH_OUTCOMES], name="outcome-recorder")
    async def record_outcomes(outcomes: Any) -> None:
        """Remember what became of every policy."""
        await handle_each(app, outcomes, outlet, take)

    return record_outcomes
