"""That somebody's time is over is said through the log, by who has the identities, and no other."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.grace_clock import GraceClock
from streams.flow.output import IDENTITY_FACTS, Send
from streams.records.facts import GraphFact
from streams.records.marks import MarkKind


class World:
    """A clock, and what it asks and says."""

    def __init__(self, grace: float = 0.0) -> None:
        self.sent: list[Send] = []
        self.asked: list[float] = []
        self.owned = self.over = True
        self.enough = asyncio.Event()
        self.seconds = 0.0
        self.clock = GraceClock(
            self._emit,
            "main",
            3,
            owns=lambda: self.owned,
            due=self._due,
            grace=grace,
            every=0.001,
            clock=lambda: self.seconds,
        )

    async def _emit(self, output: Send) -> None:
        self.sent.append(output)
        if len(self.sent) == 3:
            self.enough.set()

    def _due(self, now: float) -> bool:
        self.asked.append(now)
        return self.over


async def test_what_is_over_is_said_to_the_graphs_own_partition() -> None:
    world = World()

    await world.clock.look()

    (sent,) = world.sent
    assert (sent.topic, sent.key, sent.partition) == (IDENTITY_FACTS, "main", None)
    assert isinstance(sent.value, GraphFact)
    assert sent.value.mark is not None
    told: Any = sent.value.mark
    assert (told.kind, told.graph, told.epoch) == (MarkKind.GRACE_OVER, "main", 3)


async def test_as_long_as_nothing_is_over_nothing_is_said() -> None:
    world = World()
    world.over = False

    await world.clock.look()

    assert (len(world.asked), world.sent) == (1, [])


async def test_rows_that_are_not_here_are_not_looked_at() -> None:
    world = World()
    world.owned = False

    await world.clock.look()

    assert (world.asked, world.sent) == ([], [])


async def test_whoever_just_came_says_nothing_for_a_whole_grace() -> None:
    world = World(grace=60.0)
    said = []

    for seconds, owned in (
        (0, True),
        (59, True),
        (61, False),
        (70, True),
        (129, True),
        (130, True),
    ):
        world.seconds, world.owned = seconds, owned
        await world.clock.look()
        said.append(len(world.sent))

    assert said == [0, 0, 0, 0, 0, 1]


async def test_it_looks_again_and_again() -> None:
    world = World()
    running = asyncio.create_task(world.clock.run())

    async with asyncio.timeout(10):
        await world.enough.wait()

    running.cancel()
    assert len({sent.value.mark.id for sent in world.sent}) == len(world.sent)  # type: ignore[attr-defined]
