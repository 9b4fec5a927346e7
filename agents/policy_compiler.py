"""Compile each pod's rules into its policy, and speak when what it means changes.

reads   pod-rules
writes  [pod-rules], policy-patches.<cluster>
"""

from __future__ import annotations

from typing import Any

import faust

from agents.commits import committed
from agents.handling import handle_each
from agents.outlet import Outlet
from streams.flow import compiler
from streams.flow.lateness import is_time
from streams.flow.output import POD_RULES, Outputs
from streams.records.cause import Source
from streams.records.policies import PodRules
from streams.topics import Topics
from tables.catalog import Tables
from tables.partition import PartitionRows


def install(
    app: faust.App, topics: Topics, tables: Tables, outlet: Outlet, ours: compiler.Compiling
) -> Any:
    """Attach the agent to the app."""

    def handle(message: PodRules, key: str, source: Source) -> Outputs:
        rows = PartitionRows[compiler.PodRulesRow](tables["pod-rules"], source.partition)
        if is_time(source):
            compiler.forget(rows, committed(app, source), source.at)
        if message.mark is None:
            outlet.metrics.compiled()
        return compiler.handle(rows, message, key, source, ours)

    @app.agent(topics[POD_RULES], name="policy-compiler")
    async def compile_policies(views: Any) -> None:
        """Compile each pod's rules into its policy."""
        await handle_each(app, views, outlet, handle)

    return compile_policies
