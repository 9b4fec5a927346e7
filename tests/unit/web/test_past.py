"""Any moment that is kept can be looked at; one that is not is not shown as it is today."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from agents.asking.moments import Moment
from agents.clients.errors import TryLater
from agents.web.recalled import MOST_REMEMBERED, SETTLED, Recalled
from streams.policy.dialects.standing import NAME, render
from tests.unit.web.elements import Elements
from tests.unit.web.living import CAUSE, replayed
from tests.unit.web.site import Site, nothing_kept

THEN = "2026-11-27T08:00:00Z"
AT = datetime(2026, 11, 27, 8, tzinfo=UTC).timestamp()


async def as_told(moment: Moment) -> bytes:
    return replayed("then")


async def test_a_moment_says_who_reached_whom_and_what_changed_since(lived: Site) -> None:
    lived.recall = as_told

    past = await lived.ask_json(f"/past?at={THEN}")
    page = Elements(await lived.ask_page(f"/past?at={THEN}")).text

    assert [(each["name"], each["reaches"]) for each in past["pods"]] == [
        ("default/pod-a", []),
        ("default/pod-b", ["default/pod-c everything"]),
        ("default/pod-c", []),
    ]
    assert {each["cause"] for each in past["pods"]} == {CAUSE.text}
    assert past["since"] == [
        {"source": "default/pod-a", "to": "default/pod-b", "opened": "TCP 80", "closed": ""},
        {"source": "default/pod-b", "to": "default/pod-c", "opened": "", "closed": "everything"},
    ]
    assert past["rules"] == ["ALLOW TCP b -> c then of 10.0.0.9"]
    assert past["moment"] == {
        "fact": 3,
        "said": "1970-01-01T00:01:40.200+00:00",
        "facts": 4,
        "begins": "the beginning",
    }
    assert "3 pods, 1 rules, 3 policies" in page


async def test_from_a_moment_one_goes_to_the_change_behind_and_before(lived: Site) -> None:
    lived.recall = as_told

    past = await lived.ask_json(f"/past?at={THEN}")

    assert (past["earlier"], past["later"]) == ("", "1970-01-01T00:01:40.500Z")
    assert past["steps"] == ["1970-01-01T00:01:40.500Z"]


async def test_the_picture_is_of_the_moment(lived: Site) -> None:
    lived.recall = as_told

    picture = await lived.ask_json(f"/topology?at={THEN}")
    page = await lived.ask_page(f"/topology?at={THEN}")

    assert [(each["source"], each["to"]) for each in picture["lines"]] == [
        ("default/pod-b", "default/pod-c")
    ]
    assert "As it was at" in page
    assert "data-live" not in page


@pytest.mark.parametrize(
    ("at", "why"),
    [(THEN, "no key frame was written yet"), ("yesterday", "'yesterday' is no moment: say now")],
)
async def test_what_is_not_known_of_a_moment_is_said_and_not_shown_as_it_is_today(
    lived: Site, at: str, why: str
) -> None:
    lived.recall = nothing_kept
    picture = await lived.ask_json(f"/topology?at={at}")
    past = await lived.ask_json(f"/past?at={at}")

    assert (picture["nodes"], past["moment"], past["pods"], past["since"]) == ([], None, [], [])
    for page in (picture, past):
        assert f"that moment is not known: {why}" in page["gaps"][-1]


async def test_without_a_moment_nothing_is_replayed(lived: Site) -> None:
    async def never(moment: Moment) -> bytes:
        raise AssertionError(moment)

    lived.recall = never

    assert (await lived.ask_json("/past"))["moment"] is None
    assert "That takes some seconds" in await lived.ask_page("/past")


async def test_one_moment_is_replayed_at_a_time_once_for_all_who_look() -> None:
    asked: list[Moment] = []
    go = asyncio.Event()

    async def slowly(moment: Moment) -> bytes:
        asked.append(moment)
        await go.wait()
        return replayed("then")

    recalled = Recalled(slowly, lambda: AT + 100)
    both = [asyncio.create_task(recalled.at(THEN)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TryLater, match="another moment"):
        await recalled.at("15m")
    go.set()
    one, other = await asyncio.gather(*both)

    assert one is other is await recalled.at(THEN)
    assert asked == [Moment(time=AT)]


async def test_a_moment_that_is_hardly_over_is_asked_for_again() -> None:
    asked: list[Moment] = []

    async def counted(moment: Moment) -> bytes:
        asked.append(moment)
        return replayed("then", fact=3)

    recalled = Recalled(counted, lambda: AT + SETTLED)
    for text in (THEN, THEN, "3", "3", "9", "9", "now", "now"):
        await recalled.at(text)

    assert [each.text for each in asked] == [
        *["2026-11-27T08:00:00.000+00:00"] * 2,
        "3",
        *["9"] * 2,
        *["now"] * 2,
    ]


async def test_few_moments_are_remembered_and_a_failure_is_not() -> None:
    asked: list[Moment] = []

    async def counted(moment: Moment) -> bytes:
        asked.append(moment)
        if len(asked) == 1:
            raise TryLater("not now")
        return replayed("then", fact=moment.offset or 0)

    recalled = Recalled(counted)
    with pytest.raises(TryLater, match="not now"):
        await recalled.at("0")
    for fact in [*range(MOST_REMEMBERED + 1), 0]:
        await recalled.at(str(fact))

    assert len(asked) == MOST_REMEMBERED + 3


async def test_nobody_asks_for_the_past_again_when_something_moves(lived: Site) -> None:
    # It is fetched anew where a part of it is live.
    assert "data-live" not in await lived.ask_page(f"/past?at={THEN}")


async def test_when_the_server_ends_nothing_is_replayed_any_more() -> None:
    ended = asyncio.Event()

    async def forever(moment: Moment) -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return b""

    recalled = Recalled(forever)
    looking = asyncio.create_task(recalled.at("3"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await recalled.stop()

    assert ended.is_set()
    with pytest.raises(asyncio.CancelledError):
        await looking


async def test_what_closes_the_namespace_is_known_of_both_moments(lived: Site) -> None:
    closing = render("default", "main")
    told = json.loads(replayed("then"))
    told["policies"] = [{"name": f"default/{NAME}", "manifest": closing}]

    async def closed(moment: Moment) -> bytes:
        return json.dumps(told).encode()

    lived.recall = closed
    lived.stored = lived.stored._replace(policies=[closing])
    lived.build()

    assert (await lived.ask_json(f"/past?at={THEN}"))["since"] == []
