"""A moment is said as people say it, and whatever else is said is refused with how to say it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.asking.moments import NOW, Moment, parse_moment, time_text
from streams.records.cause import Source

AT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("now", NOW),
        ("0", Moment(offset=0)),
        ("4711", Moment(offset=4711)),
        ("90s", Moment(time=AT.timestamp() - 90)),
        ("15m", Moment(time=AT.timestamp() - 900)),
        ("2h", Moment(time=AT.timestamp() - 7_200)),
        ("3d", Moment(time=AT.timestamp() - 259_200)),
        ("2026-11-27T07:30:00Z", Moment(time=AT.timestamp() - 1_800)),
        ("2026-11-27T08:30:00+01:00", Moment(time=AT.timestamp() - 1_800)),
        ("2026-11-27T07:30", Moment(time=AT.timestamp() - 1_800)),
        ("2026-11-27", Moment(time=AT.timestamp() - 28_800)),
    ],
)
def test_a_moment_is_read(said: str, meant: Moment) -> None:
    assert parse_moment(said, AT) == meant


@pytest.mark.parametrize("said", ["", "yesterday", "-5", "5w", "2026-13-01", "999999d", "1.5h"])
def test_what_is_no_moment_is_refused_with_examples(said: str) -> None:
    with pytest.raises(ValueError, match="is no moment: say now"):
        parse_moment(said, AT)


@given(st.text(max_size=30))
def test_whatever_the_text_it_is_a_moment_or_refused(said: str) -> None:
    with suppress(ValueError):
        parse_moment(said, AT)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_time_that_is_shown_can_be_given_back(time: datetime) -> None:
    shown = time_text(time.timestamp())

    assert parse_moment(shown, AT).time == pytest.approx(time.timestamp(), abs=0.002)


def source(offset: int, at: float) -> Source:
    return Source(topic="t", partition=0, offset=offset, at=at)


def test_a_moment_is_over_with_the_first_fact_after_it() -> None:
    assert [Moment(offset=5).is_over(source(offset, 0)) for offset in (4, 5, 6)] == [0, 0, 1]
    assert [Moment(time=5.0).is_over(source(0, at)) for at in (4.9, 5.0, 5.1)] == [0, 0, 1]
    assert not NOW.is_over(source(1 << 60, 1e12))
