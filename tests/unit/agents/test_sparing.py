"""A flood of bad records loses no letter, and does not flood the log."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from agents.handling import handle_each
from agents.outlet import Outlet
from agents.sparing import MOST_LINES, Sparing
from streams.flow.output import DEAD_LETTERS
from tests.unit.agents.handled import App, Stream, Topics, event

FLOOD = 1000


async def flooded(raw: bytes, handle: Any) -> tuple[Topics, Outlet, list[Any]]:
    """Handle a flood; return what was sent, counted and said until a while after it."""
    topics = Topics()
    outlet = Outlet(topics)  # type: ignore[arg-type]
    outlet.lines = Sparing(seconds=0.01)
    with capture_logs() as said:
        events = [event(number, raw) for number in range(FLOOD)]
        await asyncio.wait_for(handle_each(App(), Stream(events), outlet, handle), 60)
        # The line about the rest comes when its while is over.
        await asyncio.sleep(0.1)
    return topics, outlet, said


def failing(*_: Any) -> Any:
    raise ValueError("oh no")


@pytest.mark.fault("F26")
@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"{", "not-json"), (b'{"key": "k", "outcome": "APPLIED"}', "internal-error")],
)
async def test_each_record_of_a_flood_has_its_letter_and_is_counted(
    raw: bytes, reason: str
) -> None:
    topics, outlet, said = await flooded(raw, failing)

    assert len({each["key"] for each in topics.of(DEAD_LETTERS)}) == FLOOD
    assert f'dead_letters_total{{reason="{reason}"}} {FLOOD}.0' in outlet.metrics.text().decode()
    left_out = [line["number"] for line in said if line["event"] == "lines left out"]
    told = len(said) - len(left_out)
    assert sum(left_out) + told == (FLOOD if reason == "not-json" else 2 * FLOOD)


@pytest.mark.fault("F26")
async def test_of_a_flood_ten_lines_are_said_within_a_second() -> None:
    lines = Sparing(seconds=0.01)

    with capture_logs() as said:
        for number in range(FLOOD):
            lines.warning("dead letter", number=number)
        await asyncio.sleep(0.05)
        lines.warning("dead letter", number=FLOOD)

    assert len(said) == MOST_LINES + 1
    assert said[-2]["number"] == FLOOD - (MOST_LINES - 1)
    assert said[-1]["number"] == FLOOD


async def test_a_few_lines_are_all_said_and_nothing_was_left_out() -> None:
    lines = Sparing(seconds=0.01)

    with capture_logs() as said:
        for _ in range(MOST_LINES - 1):
            lines.warning("dead letter")
        await asyncio.sleep(0.05)

    assert [line["event"] for line in said] == ["dead letter"] * (MOST_LINES - 1)
