"""Many look, few ask: an answer is shared, never too old, and fresh for whoever waits."""

from __future__ import annotations

import asyncio

import pytest

from agents.web import lately
from agents.web.lately import Lately


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Asked:
    """Something that takes time to answer, and answers with a number that grows."""

    def __init__(self, clock: Clock, takes: float = 0.0) -> None:
        self.times = 0
        self._clock = clock
        self._takes = takes

    async def __call__(self) -> int:
        self.times += 1
        await asyncio.sleep(0)
        self._clock.now += self._takes
        return self.times


@pytest.fixture(autouse=True)
def short_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lately, "LEAST_REST", 1.0)


async def test_all_who_look_at_once_share_one_answer() -> None:
    asked = Asked(Clock())
    known = Lately(asked, Clock())

    assert await asyncio.gather(*(known.look() for _ in range(50))) == [1] * 50
    assert asked.times == 1


async def test_what_is_a_second_old_is_asked_for_again() -> None:
    clock = Clock()
    known = Lately(Asked(clock), clock)

    seen = []
    for clock.now in (0.0, 0.9, 1.0, 1.9, 2.0):
        seen.append(await known.look())

    assert seen == [1, 1, 2, 2, 3]


@pytest.mark.parametrize(("takes", "rest"), [(0.2, 3.8), (0.5, 9.5), (60.0, 10.0)])
async def test_what_took_long_is_asked_for_seldom(takes: float, rest: float) -> None:
    clock = Clock()
    known = Lately(Asked(clock, takes=takes), clock)

    first = await known.look()
    clock.now = takes + rest - 0.1
    second = await known.look()
    clock.now = takes + rest
    third = await known.look()

    assert (first, second, third) == (1, 1, 2)


async def test_whoever_wants_it_fresh_gets_what_was_asked_for_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lately, "LEAST_REST", 0.01)
    times = 0

    async def ask() -> int:
        nonlocal times
        times += 1
        await asyncio.sleep(0.005)
        return times

    known = Lately(ask)
    old = await known.look()
    running = asyncio.create_task(known.fresh())
    fresh = await known.fresh()

    assert fresh > old
    assert await running == fresh


async def test_whoever_leaves_takes_the_answer_from_nobody() -> None:
    asked = Asked(Clock())
    known = Lately(asked, Clock())

    leaving = asyncio.create_task(known.look())
    staying = asyncio.create_task(known.look())
    await asyncio.sleep(0)
    leaving.cancel()

    assert await staying == 1


async def test_a_failure_is_told_and_is_asked_for_again() -> None:
    clock = Clock()
    failing = True

    async def ask() -> str:
        if failing:
            raise OSError("nobody")
        return "there"

    known = Lately(ask, clock)
    with pytest.raises(OSError, match="nobody"):
        await known.look()
    failing, clock.now = False, 1.0

    assert await known.look() == "there"
