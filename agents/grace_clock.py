"""Say when the time of an identity without pods is over: through the log, as all that is so.

writes  identity-facts
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

from agents.outlet import Emit
from streams.flow.output import IDENTITY_FACTS, Send
from streams.records.facts import GraphFact
from streams.records.marks import Mark, MarkKind

LOOK_EVERY = 5.0


class GraceClock:
    """Looks at the identities of one graph, while its partition of identity-facts is here.

    Only who has been here for a whole grace says anything: after a long stop it is not known as yet
    who has pods again, and an identity that ends takes the rules with it that name it.
    """

    def __init__(
        self,
        emit: Emit,
        graph: str,
        epoch: int,
        *,
        owns: Callable[[], bool],
        due: Callable[[float], bool],
        grace: float = 0.0,
        every: float = LOOK_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit = emit
        self._graph = graph
        self._epoch = epoch
        self._owns = owns
        self._due = due
        self._grace = grace
        self._every = every
        self._clock = clock
        self._here_since: float | None = None

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._every)
            await self.look()

    async def look(self) -> None:
        """Say it, if anybody's time is over by now."""
        if self._has_waited() and self._due(time.time()):
            mark = Mark(
                kind=MarkKind.GRACE_OVER,
                id=uuid.uuid4().hex,
                graph=self._graph,
                epoch=self._epoch,
            )
            fact = GraphFact(graph=self._graph, mark=mark)
            await self._emit(Send(IDENTITY_FACTS, self._graph, fact))

    def _has_waited(self) -> bool:
        if not self._owns():
            self._here_since = None
            return False
        if self._here_since is None:
            self._here_since = self._clock()
        return self._clock() - self._here_since >= self._grace
