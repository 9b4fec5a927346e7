"""Find the graph that is ours in Verefoo, or make it."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from agents.clients.errors import NotThere
from agents.clients.verefoo import Verefoo
from agents.graph_edits import NotOurs
from streams.flow.caution import may_be_ours
from streams.graph.model import GraphState
from streams.graph.wanted import WantedGraph

log = structlog.get_logger()


class GraphFinder:
    """
    One graph and the id it has at present; ``is_ours`` tells by its looks whether it can be one.

    Verefoo gives ids away again at once, so an id is believed only for as
    long as the graph under it looks like the one we know.
    """

    def __init__(
        self, verefoo: Verefoo, graph: str, is_ours: Callable[[GraphState], bool], gid: int | None
    ) -> None:
        self.gid = gid
        self.made = 0
        self._believed: GraphState | None = None
        self._verefoo = verefoo
        self._graph = graph
        self._is_ours = is_ours

    async def find(
        self, known: Callable[[], bool], ours: Callable[[], bool], wanted: Callable[[], WantedGraph]
    ) -> GraphState:
        """Return the graph as it is; if there is none any more, make the wanted one."""
        state = await self._by_id(known) or await self._by_looks()
        if state is not None:
            return state
        if not ours():
            raise NotOurs(f"graph {self._graph} is kept by another worker")
        # Should the answer be lost, the graph is found by its looks the next time.
        self.gid = await self._verefoo.create_graph(wanted().nodes.values())
        self.made += 1
        log.info("graph made", graph=self._graph, gid=self.gid)
        return await self._verefoo.graph(self.gid)

    async def _by_id(self, known: Callable[[], bool]) -> GraphState | None:
        if self.gid is None:
            return None
        try:
            state = await self._verefoo.graph(self.gid)
        except NotThere:
            state = None
        # Judged once: it costs more than all the rest of a poll that finds nothing new.
        if state is not None and state is self._believed:
            return state
        if state is not None and (not known() or may_be_ours(state, self._is_ours(state))):
            self._believed = state
            return state
        log.warning("graph is not there", graph=self._graph, gid=self.gid)
        self.gid = None
        return None

    async def _by_looks(self) -> GraphState | None:
        graphs = await self._verefoo.graphs()
        found = [state for state in graphs if self._is_ours(state)]
        state = min(found, key=lambda each: each.gid, default=None)
        if state is not None:
            self.gid = state.gid
            log.info("graph found", graph=self._graph, gid=state.gid)
        return state
