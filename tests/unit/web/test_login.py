"""Pages behind a login: a form for browsers, a header for programs, nothing for anybody else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from aiohttp import web

from agents.asking.connecting import NotShown
from agents.web.access import Door, Keys, Proxy
from agents.web.attempts import AT_ONCE
from agents.web.login import FORM, Login
from tests.unit.web.elements import Elements
from tests.unit.web.living import live
from tests.unit.web.site import Site

TOKEN = "0123456789abcdef0123456789abcdef"
PROXYS = "fedcba9876543210fedcba9876543210"
OPEN = {"/login", "/healthz", "/readyz", "/static/{file}"}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def closed(tmp_path: Path, clock: Clock) -> Site:
    """The site of a worker that knows three pods, and asks for a token."""
    site = Site(tmp_path, partitions=1)
    live(site)
    keys = Keys(lambda: TOKEN, 60.0, Proxy("X-Forwarded-User", lambda: PROXYS))
    site.login = Login(Door(keys, site.metrics.refused, clock), secure=True)
    site.build()
    return site


async def log_in(site: Site, token: str = TOKEN, back: str = "/", **headers: str) -> web.Response:
    body = urlencode({"token": token, "next": back}).encode()
    asked = {"Content_Type": FORM, "Content_Length": str(len(body)), "Accept": "text/html"}
    return await site.ask("/login", "POST", body, **asked | headers)


def session_of(response: web.Response) -> str:
    return response.cookies["__Host-vereflow"].value


def paths(site: Site) -> set[str]:
    return {route.resource.canonical for route in site.served.router.routes() if route.resource}


@pytest.mark.threat("T6")
@pytest.mark.row("W05")
async def test_every_path_is_closed_but_those_that_show_nothing(closed: Site) -> None:
    statuses = {}
    for path in [*paths(closed), "/nothing", "/static/../status", "/static//status"]:
        asked = path.replace("{file}", "style.css")
        statuses[path] = (await closed.ask(re.sub(r"\{\w+[^}]*\}", "x", asked))).status

    assert {path for path, status in statuses.items() if status != 401} == OPEN


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
@pytest.mark.threat("T6")
async def test_no_method_opens_what_is_closed(closed: Site, method: str) -> None:
    response = await closed.ask("/status", method)

    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="vereflow"'
    assert "Content-Security-Policy" in response.headers


async def test_a_program_shows_the_token_with_each_request(closed: Site) -> None:
    right = await closed.ask("/pods.json", Authorization=f"Bearer {TOKEN}")
    wrong = await closed.ask("/pods.json", Authorization=f"Bearer {TOKEN[1:]}")

    assert (right.status, wrong.status) == (200, 401)
    assert wrong.content_type == "application/json"
    assert "Set-Cookie" not in right.headers


async def test_a_browser_is_shown_the_form_and_comes_back_to_what_it_asked_for(
    closed: Site,
) -> None:
    asked = "/reach?from=pod-a&to=%22%3Cb%3E"
    first = await closed.ask(asked, Accept="text/html")
    back = way_back(first)

    came = await log_in(closed, back=back)
    page = await closed.ask(asked, Accept="text/html", Cookie=cookie(came))

    assert (first.status, came.status, page.status) == (401, 303, 200)
    assert came.headers["Location"] == asked
    assert "pod-a" in (page.text or "")


@pytest.mark.threat("T5", "T6")
async def test_the_session_is_a_cookie_that_no_script_and_no_other_site_can_use(
    closed: Site,
) -> None:
    came = await log_in(closed)

    said = came.cookies["__Host-vereflow"]
    assert (said["httponly"], said["secure"], said["samesite"]) == (True, True, "Strict")
    assert (said["path"], said["max-age"], said["domain"]) == ("/", "60", "")
    assert TOKEN not in str(came.headers)


async def test_another_worker_with_the_same_token_knows_the_session(
    closed: Site, tmp_path: Path, clock: Clock
) -> None:
    other = Login(Door(Keys(lambda: TOKEN, 5.0), lambda _: None, clock), secure=True)
    session = session_of(await log_in(closed))
    closed.login = other
    closed.build()

    response = await closed.ask("/pods", Cookie=f"__Host-vereflow={session}")

    assert response.status == 200


async def test_a_session_that_is_over_is_asked_to_log_in_again(closed: Site, clock: Clock) -> None:
    came = await log_in(closed)
    clock.now += 60

    page = await closed.ask("/pods", Accept="text/html", Cookie=cookie(came))
    events = await closed.ask("/events", "HEAD", Cookie=cookie(came))

    assert (page.status, events.status) == (401, 401)
    assert "this session is over" in (page.text or "")


async def test_who_leaves_has_no_session_any_more(closed: Site) -> None:
    came = await log_in(closed)
    inside = await closed.ask("/", Accept="text/html", Cookie=cookie(came))
    left = await closed.ask("/logout", "POST", Cookie=cookie(came))

    assert "/logout" in Elements(inside.text or "").links
    assert (left.status, left.headers["Location"]) == (303, "/login")
    assert (session_of(left), left.cookies["__Host-vereflow"]["max-age"]) == ("", "0")


@pytest.mark.threat("T6")
@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\r\nSet-Cookie: a=b",
        "evil",
        "",
        "/" + "a" * 2000,
        "javascript:alert(1)",
    ],
)
async def test_nobody_is_led_elsewhere_by_the_way_back(closed: Site, back: str) -> None:
    came = await log_in(closed, back=back)
    form = await closed.ask(f"/login?next={quote(back, safe='')}", Accept="text/html")

    assert came.headers["Location"] == "/"
    assert way_back(form) == "/"


@pytest.mark.threat("T6")
@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_a_page_of_somebody_else_logs_nobody_in_or_out(closed: Site, path: str) -> None:
    body = f"token={TOKEN}".encode()
    said = {"Content_Type": FORM, "Content_Length": str(len(body)), "Sec_Fetch_Site": "cross-site"}
    response = await closed.ask(path, "POST", body, **said, Authorization=f"Bearer {TOKEN}")

    assert response.status == 403
    assert "Set-Cookie" not in response.headers


async def test_who_comes_by_a_link_from_elsewhere_is_told_how_to_go_on(closed: Site) -> None:
    page = await closed.ask("/pods?q=a", Accept="text/html", Sec_Fetch_Site="cross-site")

    assert "/pods?q=a" in Elements(page.text or "").links


@pytest.mark.threat("T5")
async def test_what_was_typed_is_said_nowhere(
    closed: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = await log_in(closed, "w" * 40)
    await log_in(closed, TOKEN)

    said = capfd.readouterr()
    assert wrong.status == 401
    assert "this is not the token" in (wrong.text or "")
    everything = said.out + said.err + (wrong.text or "") + str(wrong.headers)
    assert "www" not in everything
    assert TOKEN not in everything


@pytest.mark.threat("T6")
async def test_who_guesses_is_told_to_wait_and_counted(closed: Site) -> None:
    for _ in range(AT_ONCE):
        await log_in(closed, "guess")
    waits = await log_in(closed)
    program = await closed.ask("/status", Authorization=f"Bearer {TOKEN}")

    assert (waits.status, program.status) == (429, 429)
    assert 1 <= int(waits.headers["Retry-After"]) <= 2
    counted = closed.metrics.text().decode()
    assert f'vereflow_logins_refused_total{{reason="token"}} {AT_ONCE:.1f}' in counted
    assert 'vereflow_logins_refused_total{reason="too-many"} 2.0' in counted


async def test_who_comes_through_the_proxy_is_named_where_something_is_done(
    closed: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    async def mend(doing: object, key: str) -> None:
        done.append(key)

    closed.mend = mend
    closed.build()
    body = b"do=drop&key=a"
    response = await closed.ask(
        "/dead-letters",
        "POST",
        body,
        Content_Type=FORM,
        Content_Length=str(len(body)),
        Authorization=f"Bearer {PROXYS}",
        X_Forwarded_User="ann@example.org",
    )

    said = capfd.readouterr()
    assert (response.status, done) == (303, ["a"])
    assert "ann@example.org" in said.out + said.err


async def test_what_somebody_types_behind_the_proxy_keeps_nobody_else_there_out(
    closed: Site,
) -> None:
    through = {"Authorization": f"Bearer {PROXYS}", "X_Forwarded_User": "ann@example.org"}
    for _ in range(AT_ONCE + 1):
        typed = await log_in(closed, "guess", back="/pods", **through)

        assert (typed.status, typed.headers["Location"]) == (303, "/pods")
    assert (await closed.ask("/pods", **through)).status == 200


async def test_without_a_token_that_can_be_read_nobody_gets_in(closed: Site) -> None:
    def gone() -> str:
        raise NotShown("web.token_file /secret/token: No such file or directory")

    closed.login = Login(Door(Keys(gone, 60.0), lambda _: None), secure=False)
    closed.build()

    asked = await closed.ask("/status", Authorization=f"Bearer {TOKEN}")
    came = await log_in(closed)

    assert (asked.status, came.status) == (503, 503)
    assert "/secret" not in (asked.text or "") + (came.text or "")


async def test_the_document_says_how_the_token_is_shown(closed: Site, small: Site) -> None:
    answer = await closed.ask("/openapi.json", Authorization=f"Bearer {TOKEN}")
    plain = await small.ask_json("/openapi.json")

    document = json.loads(answer.text or "")
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert all("401" in path["get"]["responses"] for path in document["paths"].values())
    assert "security" not in plain
    assert "securitySchemes" not in plain["components"]


def way_back(form: web.Response) -> str:
    told = Elements(form.text or "").attributes
    return told[told.index(("name", "next")) + 1][1] or ""


def cookie(response: web.Response) -> str:
    return f"__Host-vereflow={session_of(response)}"
