"""The timeline says of a flow what opened and closed it, by which rules, and what decides now."""

from __future__ import annotations

import pytest

from agents.asking.turns import Course
from agents.web.recalled import Question
from tests.unit.web.elements import Elements
from tests.unit.web.living import CAUSE, RULE, key
from tests.unit.web.site import Site, nothing_kept

FLOW = "/timeline?from=pod-a&to=default/pod-b&port=80"


async def test_a_flow_has_its_turns_and_what_decides_now_is_what_reach_says(lived: Site) -> None:
    told = await lived.ask_json(FLOW)
    page = await lived.ask_page(FLOW)
    reach = (await lived.ask_json("/reach?from=pod-a&to=pod-b&port=80"))["there"]

    (turn,) = told["flow"]["turns"]
    assert (turn["turn"], turn["cause"]) == ("opened", CAUSE.text)
    assert [each["text"] for each in turn["rules"]] == [f"{RULE} fine"]
    assert told["now"]["ways"] == [reach]
    assert told["now"]["why"] in Elements(page).text
    # The past stays as it is: nothing of this page is asked for over and over.
    assert "data-live" not in page


async def test_a_flow_is_asked_for_by_its_keys_whatever_was_typed(lived: Site) -> None:
    asked: list[Question] = []
    then = lived.recall

    async def heard(question: Question) -> bytes:
        asked.append(question)
        return await then(question)

    lived.recall = heard
    await lived.ask_json(FLOW)

    (course,) = asked
    assert isinstance(course, Course)
    assert (course.source, course.to, course.port_text) == (key("pod-a"), key("pod-b"), "80/TCP")


async def test_a_timeline_without_a_flow_replays_nothing(lived: Site) -> None:
    async def never(question: Question) -> bytes:
        raise AssertionError(question)

    lived.recall = never

    assert (await lived.ask_json("/timeline?from=pod-a"))["flow"] is None
    assert "data-live" in await lived.ask_page("/timeline")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("from=pod-a&to=pod-b", "no key frame was written yet"),
        ("from=--prepare&to=pod-b", "nothing is known of '--prepare'"),
        ("from=pod-a&to=pod-b&port=x", "'x' is no port"),
        ("from=pod-a&to=pod-b&since=yesterday", "'yesterday' is no moment"),
    ],
)
async def test_what_is_not_to_be_had_is_said(lived: Site, asked: str, why: str) -> None:
    lived.recall = nothing_kept

    told = await lived.ask_json(f"/timeline?{asked}")

    assert told["flow"] is None
    assert f"what became of that flow is not known: {why}" in told["gaps"][-1]
    assert len(told["changes"]) == 3
