"""Dead letters are retried and dropped from our own pages, where a setting allows it."""

from __future__ import annotations

import json

import pytest

from agents.asking.letters import Doing, LetterStays
from tests.unit.web.elements import Elements
from tests.unit.web.living import live
from tests.unit.web.site import Site

KEY = "pod-events/1/7"
FORM = f"do=retry&key={KEY}".encode()


class Mended:
    """Whoever mends, and what was asked of them."""

    def __init__(self) -> None:
        self.asked: list[tuple[Doing, str]] = []
        self.why = ""

    async def __call__(self, doing: Doing, key: str) -> None:
        self.asked.append((doing, key))
        if self.why:
            raise LetterStays(self.why)


@pytest.fixture
async def writable(small: Site) -> Site:
    """A site on which there is a dead letter, and where it may be mended."""
    live(small)
    small.mend = Mended()
    small.build()
    return small


def mended(site: Site) -> Mended:
    assert isinstance(site.mend, Mended)
    return site.mend


async def post(site: Site, body: bytes = FORM, **headers: str) -> tuple[int, str]:
    kind = "application/x-www-form-urlencoded"
    headers = {"Accept": "text/html", "Content_Type": kind} | headers
    answer = await site.ask("/dead-letters", "POST", body, **headers)
    return answer.status, answer.headers.get("Location", "") or answer.text or ""


async def test_unless_a_setting_allows_it_there_is_nothing_to_press(small: Site) -> None:
    live(small)

    assert "button" not in Elements(await small.ask_page("/dead-letters")).text.lower()
    assert "post" not in await small.ask_page("/dead-letters")
    assert (await post(small))[0] == 405


async def test_a_letter_is_retried_or_dropped_after_a_second_thought(writable: Site) -> None:
    page = Elements(await writable.ask_page("/dead-letters"))

    assert ("method", "post") in page.attributes
    assert page.tags.count("summary") == 3
    assert await post(writable) == (303, "/dead-letters")
    assert await post(writable, FORM.replace(b"retry", b"drop")) == (303, "/dead-letters")
    assert mended(writable).asked == [(Doing.RETRY, KEY), (Doing.DROP, KEY)]


async def test_a_program_is_told_in_json(writable: Site) -> None:
    status, said = await post(writable, Accept="application/json")

    assert (status, json.loads(said)) == (200, {"key": KEY, "done": "retry"})


@pytest.mark.threat("T6")
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": "http://elsewhere.example"},
        {"Origin": "http://localhost:6067"},
        {"Origin": "null"},
    ],
)
async def test_no_page_of_others_can_ask_for_it(writable: Site, headers: dict[str, str]) -> None:
    assert (await post(writable, **headers))[0] == 403
    assert mended(writable).asked == []


@pytest.mark.parametrize(
    "headers", [{"Sec_Fetch_Site": "same-origin"}, {"Origin": "http://localhost:6066"}]
)
async def test_our_own_page_can(writable: Site, headers: dict[str, str]) -> None:
    assert (await post(writable, **headers))[0] == 303


@pytest.mark.threat("T6")
async def test_no_other_host_name_is_served_here_either(writable: Site) -> None:
    assert (await post(writable, Host="rebound.example"))[0] == 421
    assert mended(writable).asked == []


async def test_why_a_letter_stays_is_said(writable: Site) -> None:
    mended(writable).why = "2 newer records have its key"

    status, page = await post(writable)

    assert status == 409
    assert f"{KEY}: 2 newer records have its key" in Elements(page).text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"do=burn&key=x", "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
        (FORM, "text/plain"),
        (FORM, "multipart/form-data"),
    ],
)
async def test_what_is_none_of_the_two_is_refused(writable: Site, body: bytes, kind: str) -> None:
    assert (await post(writable, body, Content_Type=kind))[0] == 400
    assert mended(writable).asked == []
