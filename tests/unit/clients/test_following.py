"""A watch is followed for ever, and asked for again no faster than its server can bear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.clients import following, waiting
from agents.clients.errors import Gone, TryLater

Script = list[Any]


class Scripted:
    """A watch whose connections are lists of what they say: changes, silences, errors."""

    def __init__(self, *connections: Script) -> None:
        self._left = list(connections)

    async def __aiter__(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        for each in self._left.pop(0) if self._left else [Gone("over")]:
            if isinstance(each, Exception):
                raise each
            if isinstance(each, float):
                await asyncio.sleep(each)
            else:
                yield each, {"metadata": {}}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits before each next connection; nobody waits for them."""
    waited: list[float] = []

    class Noted(waiting.Backoff):
        def next(self, asked: float | None = None) -> float:
            waited.append(super().next(asked))
            return 0.0

    monkeypatch.setattr(following, "Backoff", Noted)
    monkeypatch.setattr(following, "STEADY_SECONDS", 0.05)
    return waited


async def followed(*connections: Script, trouble: int = 0) -> tuple[list[str], list[str | None]]:
    told: list[str] = []
    noted: list[str | None] = []

    async def tell(change: str, _: Any) -> None:
        told.append(change)
        if len(told) <= trouble:
            raise TryLater("busy")

    with pytest.raises(Gone, match="over"):
        await following.follow(
            Scripted(*connections),  # type: ignore[arg-type]
            tell,
            lambda trouble: noted.append(str(trouble) if trouble else None),
        )
    return told, noted


@pytest.mark.row("E31")
async def test_changes_are_told_and_bookmarks_are_not(waits: list[float]) -> None:
    told, _ = await followed(["ADDED", "BOOKMARK", "DELETED"], ["MODIFIED"])

    assert told == ["ADDED", "DELETED", "MODIFIED"]


async def test_what_broke_is_noted_until_it_goes_well_again(waits: list[float]) -> None:
    _, noted = await followed([TryLater("cut")], ["BOOKMARK"], [TryLater("cut")], [0.1])

    assert noted == ["cut", None, "cut", None]


async def test_a_silent_watch_that_ends_in_its_time_is_begun_again_at_once(
    waits: list[float],
) -> None:
    _, noted = await followed([0.1], [0.1], [0.1])

    assert (waits, noted) == ([], [None, None, None])


async def test_watches_that_end_at_once_are_asked_for_ever_more_rarely(
    waits: list[float],
) -> None:
    await followed(*[[] for _ in range(6)])

    assert len(waits) == 6
    assert waits[5] > 4 * waits[0]


async def test_who_asks_us_to_wait_is_waited_for(waits: list[float]) -> None:
    await followed([TryLater("busy", retry_after=7.0)])

    assert waits[0] >= 7.0


async def test_what_cannot_be_told_is_tried_again_ever_more_rarely(waits: list[float]) -> None:
    told, noted = await followed(*[["ADDED"] for _ in range(7)], trouble=6)

    assert told == 7 * ["ADDED"]
    assert noted == [*6 * ["busy"], None]
    assert waits[5] > 4 * waits[0]
