"""Turn the noisy life of pods into claims on addresses.

reads   pod-events
writes  [pods], graph-facts, graph-edits; identity-facts, for nodes that are no pods; pod-events,
        for records under a foreign key
"""

from __future__ import annotations

from typing import Any

import faust

from agents.commits import committed
from agents.handling import handle_each
from agents.outlet import Outlet
from agents.ownership import when_moved
from streams.flow import tracker
from streams.flow.lateness import is_time
from streams.flow.output import POD_EVENTS, Outputs
from streams.flow.strangers import Strangers
from streams.records.cause import Source
from streams.records.pods import PodEvent
from streams.topics import Topics
from tables.catalog import Tables
from tables.partition import PartitionRows


def install(
    app: faust.App,
    topics: Topics,
    tables: Tables,
    outlet: Outlet,
    ours: tracker.Tracking,
    most_strangers: int,
) -> Any:
    """Attach the agent to the app."""
    strangers: dict[int, Strangers] = {}
    when_moved(app, strangers.clear)

    def handle(event: PodEvent, key: str, source: Source) -> Outputs:
        rows = PartitionRows[tracker.PodRow](tables["pods"], source.partition)
        if is_time(source):
            tracker.forget(rows, committed(app, source), source.at)
        known = strangers.get(source.partition)
        if known is None:
            known = strangers[source.partition] = Strangers(rows, most_strangers)
        if refusal := known.refuse(event, key, ours):
            return [refusal]
        outputs = tracker.handle(rows, event, key, source, ours)
        known.note(key)
        return outputs

    @app.agent(topics[POD_EVENTS], name="pod-tracker")
    async def track_pods(events: Any) -> None:
        """Turn the noisy life of pods into claims on addresses."""
        await handle_each(app, events, outlet, handle)

    return track_pods
