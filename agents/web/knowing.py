"""Ask for what pages are made of, once for all who look: workers, the cluster, and topics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from agents.asking.changes import PAST
from agents.asking.letters import Doing
from agents.asking.newest import Newest
from agents.asking.rows import TABLES, Rows
from agents.asking.seen import Past, Picture, Recent, Seen
from agents.asking.stored import Stored
from agents.asking.turns import Course, Turns
from agents.clients.errors import ClientError
from agents.web.lately import Lately
from agents.web.peers import Peers
from agents.web.recalled import Recall, Recalled
from streams.codec import escape
from streams.flow.judging import Judging
from streams.flow.output import DEAD_LETTERS
from tables.catalog import IDENTITIES

T = TypeVar("T")

# Of each partition.
MOST_LETTERS = 500
MOST_PAST = 300
WITHIN = 8.0


class Outside(NamedTuple):
    """How what lies outside of the workers is read, and how rules are."""

    cluster: str
    stored: Callable[[], Awaitable[Stored]] | None
    newest: Callable[[Collection[str], int], Awaitable[Mapping[str, Newest]]]
    judging: Judging
    recall: Recall
    """Has the past replayed up to a moment, or what became of a flow."""
    mend: Callable[[Doing, str], Awaitable[None]] | None = None
    """Does something about a dead letter; None where pages may only look."""


class Knowing:
    """Asks for what pages need, and never raises: what does not answer is a gap."""

    def __init__(self, peers: Peers, tables: Collection[str], outside: Outside) -> None:
        self._peers = peers
        self._outside = outside
        # Where nodes are pods there are no identities.
        self._apart = TABLES.keys() - {IDENTITIES} - {*tables}
        self._rows = Lately(self._ask_all)
        self._recalled = Recalled(outside.recall)

        async def picture() -> Picture:
            if outside.stored is None:
                raise ClientError("the part at the cluster knows it")
            return Picture(await outside.stored())

        async def letters() -> Recent:
            return Recent(await outside.newest((DEAD_LETTERS,), MOST_LETTERS))

        async def past() -> Recent:
            return Recent(await outside.newest(PAST, MOST_PAST))

        self._parts: dict[str, Lately[Any]] = {
            "stored": Lately(partial(_in_time, picture)),
            "letters": Lately(partial(_in_time, letters)),
            "past": Lately(partial(_in_time, past)),
        }

    async def stop(self, _: object) -> None:
        """Ask nobody any more, when the pages end."""
        await self._recalled.stop()

    async def see(
        self,
        needs: Iterable[str] = (),
        *,
        fresh: bool = False,
        at: str = "",
        course: Callable[[Rows, datetime], Course] | None = None,
    ) -> Seen:
        """Return the rows, and of ``stored``, ``letters`` and ``past`` what is needed as well.

        With a moment, also what was stored then; with a flow, what became of it and what is stored.
        """
        names, gaps = sorted({*needs, *(["stored"] if course else [])}), list[str]()
        rows, *parts = await asyncio.gather(
            self._rows.fresh() if fresh else self._rows.look(),
            *(self._one(name, fresh, gaps) for name in names),
        )
        told = dict(zip(names, parts, strict=True))
        unknown = Picture(Stored({}, [], {}), known=False)
        cluster = told.get("stored") or unknown
        letters, past = (told.get(name) or Recent({}) for name in ("letters", "past"))
        gaps += [*rows.gaps(), *cluster.stored.notes]
        then = await self._then(at, gaps) if at else None
        # What is not known of a moment is not shown as it is today.
        shown = then.picture if then else unknown if at else None
        turns = await self._turns(course, rows, gaps) if course else None
        judging = self._outside.judging
        return Seen(rows, judging, cluster, letters, past, tuple(gaps), then, shown, turns)

    async def _then(self, at: str, gaps: list[str]) -> Past | None:
        try:
            return await self._recalled.at(at)
        except (ClientError, ValueError) as error:
            gaps.append(f"that moment is not known: {escape(error)}")
        return None

    async def _turns(
        self, course: Callable[[Rows, datetime], Course], rows: Rows, gaps: list[str]
    ) -> Turns | None:
        try:
            return await self._recalled.turns(course(rows, self._recalled.now))
        except (ClientError, ValueError) as error:
            gaps.append(f"what became of that flow is not known: {escape(error)}")
        return None

    async def _one(self, name: str, fresh: bool, gaps: list[str]) -> Any:
        part = self._parts[name]
        try:
            return await (part.fresh() if fresh else part.look())
        except TimeoutError:
            gaps.append(f"{_NAMES[name]} not known: nobody answered within {WITHIN:.0f} s")
        except (ClientError, OSError, RuntimeError) as error:
            gaps.append(f"{_NAMES[name]} not known: {escape(error)}")
        return None

    async def _ask_all(self) -> Rows:
        answers = await self._peers.rows(TABLES)
        return Rows(answers, self._outside.cluster, self._apart)


async def _in_time(ask: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(WITHIN):
        return await ask()


_NAMES = {
    "stored": "what the cluster stores is",
    "letters": "dead letters are",
    "past": "recent changes are",
}
