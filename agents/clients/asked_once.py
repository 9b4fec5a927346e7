"""Answers that are asked for once, however many want them at the same time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class AskedOnce(Generic[K, V]):
    """Keeps the answers that were wanted last; trouble is no answer, and is asked again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[K, V] = OrderedDict()
        self._turns: WeakValueDictionary[K, asyncio.Lock] = WeakValueDictionary()

    async def get(self, question: K, ask: Callable[[], Awaitable[V]]) -> V:
        """Return the answer that is kept, or ask for it."""
        async with self._turns.setdefault(question, asyncio.Lock()):
            if question not in self._answers:
                self._answers[question] = await ask()
                while len(self._answers) > self._most:
                    self._answers.popitem(last=False)
            self._answers.move_to_end(question)
            return self._answers[question]

    def forget(self, stale: Callable[[V], bool]) -> None:
        """Ask again for what was answered so."""
        for question in [each for each, answer in self._answers.items() if stale(answer)]:
            del self._answers[question]
