"""How waits grow, and that what runs together ends together."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.clients.waiting import Backoff, first_to_end


@given(st.integers(min_value=1, max_value=200))
def test_waits_double_up_to_their_bound(tries: int) -> None:
    backoff = Backoff(first=1.0, most=30.0)

    waits = [backoff.next() for _ in range(tries)]

    for n, wait in enumerate(waits):
        longest = min(30.0, 2.0 ** min(n, 10))
        assert longest / 2 <= wait <= longest


def test_what_the_other_side_asks_for_is_waited_at_least() -> None:
    assert 5.0 <= Backoff(first=0.1).next(5.0) <= 5.5


def test_after_success_waits_begin_anew() -> None:
    backoff = Backoff(first=1.0)
    for _ in range(9):
        backoff.next()

    backoff.reset()

    assert backoff.next() <= 1.0


async def test_when_one_ends_the_others_have_ended_too() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    async def failing() -> None:
        await asyncio.sleep(0)
        raise LookupError

    with pytest.raises(LookupError):
        await first_to_end(endless(), failing())

    assert ended == ["endless"]
