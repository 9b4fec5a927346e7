"""Let through what a firewall may say.

reads   firewall-changes
writes  graph-facts; graph-edits, for what was polled; firewall-changes, for records under a
        foreign key
"""

from __future__ import annotations

from typing import Any

import faust

from agents.handling import handle_each
from agents.outlet import Outlet
from streams.flow import gate
from streams.flow.output import FIREWALL_CHANGES, Outputs
from streams.records.cause import Source
from streams.records.facts import FirewallChange
from streams.topics import Topics


def install(app: faust.App, topics: Topics, outlet: Outlet, checks: gate.Checks) -> Any:
    """Attach the agent to the app."""

    def handle(change: FirewallChange, key: str, source: Source) -> Outputs:
        return gate.handle(change, key, source, checks)

    @app.agent(topics[FIREWALL_CHANGES], name="firewall-gate")
    async def check_changes(changes: Any) -> None:
        """Let through what a firewall may say."""
        await handle_each(app, changes, outlet, handle)

    return check_changes
