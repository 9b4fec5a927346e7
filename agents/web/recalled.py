"""One look at the past at a time, whoever asks for it, and a few moments that are remembered."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from agents.asking.moments import Moment, parse_moment
from agents.asking.past import Then, read_then
from agents.asking.seen import Past
from agents.asking.turns import Course, Turns
from agents.clients.errors import TryLater

MOST_REMEMBERED = 3
# What was said until then has arrived: nothing of such a moment changes any more.
SETTLED = 10.0

Question = Moment | Course
Recall = Callable[[Question], Awaitable[bytes]]
Q = TypeVar("Q", Moment, Course)
T = TypeVar("T")


class Recalled:
    """Has the past replayed, elsewhere: it takes seconds."""

    def __init__(self, recall: Recall, clock: Callable[[], float] = time.time) -> None:
        self._recall = recall
        self._clock = clock
        self._known: OrderedDict[Moment, Past] = OrderedDict()
        self._asking: dict[Question, asyncio.Task[Any]] = {}

    @property
    def now(self) -> datetime:
        """The time from which moments are counted back."""
        return datetime.fromtimestamp(self._clock(), UTC)

    async def at(self, text: str) -> Past:
        """Return a moment; raise ValueError if it is none, ClientError if it is not to be had."""
        moment = parse_moment(text, self.now)
        if moment in self._known:
            self._known.move_to_end(moment)
            return self._known[moment]
        return await self._once(moment, self._past)

    async def turns(self, course: Course) -> Turns:
        """Return what became of a flow; raise ClientError or ValueError if it is not to be had."""
        return await self._once(course, self._turns)

    async def stop(self) -> None:
        """Look at nothing any more: whoever replays for us is ended."""
        asking = list(self._asking.values())
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _once(self, question: Q, ask: Callable[[Q], Awaitable[T]]) -> T:
        """Ask once for all who want to know the same, and nothing else meanwhile."""
        asking = self._asking.get(question)
        if asking is None:
            if self._asking:
                raise TryLater("somebody looks at another moment: ask again in some seconds")
            asking = self._asking[question] = asyncio.create_task(self._asked(question, ask))
        # Whoever leaves must not take the answer away from the others.
        return await asyncio.shield(asking)

    async def _asked(self, question: Q, ask: Callable[[Q], Awaitable[T]]) -> T:
        try:
            return await ask(question)
        finally:
            del self._asking[question]

    async def _turns(self, course: Course) -> Turns:
        told = await self._recall(course)
        return await asyncio.to_thread(Turns.model_validate_json, told)

    async def _past(self, moment: Moment) -> Past:
        then = await asyncio.to_thread(read_then, await self._recall(moment))
        past = Past(then)
        if self._is_settled(moment, then):
            self._known[moment] = past
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return past

    def _is_settled(self, moment: Moment, then: Then) -> bool:
        if moment.time is not None:
            return moment.time < self._clock() - SETTLED
        return moment.offset == then.place.fact
