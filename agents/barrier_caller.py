"""Hand a barrier's request to the watchers, who know what was said before it.

reads   barriers
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import faust

from agents.handling import handle_each
from agents.outlet import Outlet
from streams.flow.output import BARRIERS, Outputs
from streams.records.cause import Source
from streams.records.marks import BarrierRequest
from streams.topics import Topics

Listener = Callable[[str], None]


def install(app: faust.App, topics: Topics, outlet: Outlet, listeners: Iterable[Listener]) -> Any:
    """Attach the agent to the app."""
    told = tuple(listeners)

    def handle(request: BarrierRequest, key: str, source: Source) -> Outputs:
        for listener in told:
            listener(request.id)
        return []

    @app.agent(topics[BARRIERS], name="barrier-caller")
    async def call_barriers(requests: Any) -> None:
        """Hand a barrier's request to the watchers."""
        await handle_each(app, requests, outlet, handle)

    return call_barriers
