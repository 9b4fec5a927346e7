"""Strangers learn nothing, pages are safe to look at, and answers come as they were asked for."""

from __future__ import annotations

import json
import re

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from agents.web.guard import HEADERS, host_of
from tests.unit.web.elements import Elements
from tests.unit.web.site import Site, outcome

OWN = ["/healthz", "/readyz", "/metrics", "/status", "/pulse", "/held", "/held/policies"]
LISTS = [
    *("/", "/topology", "/pods", "/rules", "/policies", "/reach", "/timeline", "/dead-letters"),
    *("/tables", "/tables/policies", "/tables/policies?rows=true"),
]
PAGES = [*LISTS, "/nothing"]


@pytest.mark.parametrize("path", [*OWN, *LISTS, "/openapi.json"])
async def test_every_view_answers_and_wears_the_headers(site: Site, path: str) -> None:
    response = await site.ask(path)

    assert response.status == 200
    assert HEADERS.items() <= dict(response.headers).items()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_other_machines_may_ask_how_a_worker_fares(site: Site, path: str) -> None:
    assert await site.probe(path) == 200


@pytest.mark.threat("T6")
@pytest.mark.parametrize(
    "path", ["/", "/status", "/tables", "/tables/policies", "/static/icon.svg"]
)
async def test_other_machines_are_shown_no_row(site: Site, path: str) -> None:
    assert (await site.ask(path)).status == 200
    assert await site.probe(path) == 404


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
)
@pytest.mark.parametrize("path", [*OWN, *LISTS, "/openapi.json", "/events"])
@pytest.mark.row("W01", "W13")
@pytest.mark.threat("T6")
async def test_reading_is_all_there_is(site: Site, path: str, method: str) -> None:
    asked = {"Origin": "https://evil.example", "Access_Control_Request_Method": "GET"}
    response = await site.ask(path, method, **asked)

    assert response.status == 405
    assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD"}
    assert not any(name.startswith("Access-Control") for name in response.headers)


@pytest.mark.parametrize("path", [*OWN, *LISTS, "/openapi.json", "/events"])
@pytest.mark.row("W15")
async def test_the_head_of_every_view_can_be_asked_for(site: Site, path: str) -> None:
    assert (await site.ask(path, "HEAD")).status == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/table/", "/router/", "/router/topics", "/stats", "/stats/", "/graph", "/assignment/"),
        *("/performance/", "/tables/", "/tables/policies/", "/static/", "/static/views.py"),
        *("/static/..%2fviews.py", "/static/%2e%2e/views.py", "/../etc/passwd", "//etc/passwd"),
        *(
            "/%2e%2e%2fetc%2fpasswd",
            "/tables/..%2f..",
            "/healthz/",
            "/HEALTHZ",
            "/%00",
            "/favicon.ico",
        ),
        *("/tables/policies/../../etc/passwd", "/tables/policies/..%2f..%2fviews.py"),
    ],
)
@pytest.mark.row("W01", "W02", "W10")
async def test_there_is_nothing_else(site: Site, path: str) -> None:
    response = await site.ask(path)

    assert response.status == 404
    assert "root:" not in (response.text or "")


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:6066", "localhost.evil.example", "127.0.0.1.evil.example"),
        *(
            "",
            " ",
            "localhost:6066@evil.example",
            "localhost,evil.example",
            "[::1",
            "10.0.0.9:6066",
        ),
    ],
)
@pytest.mark.row("W04")
@pytest.mark.threat("T6")
async def test_a_name_made_to_point_here_reads_nothing(site: Site, host: str) -> None:
    site.put("policies", [("local/default/secret", outcome("k"))])

    response = await site.ask("/tables/policies", Host=host)

    assert response.status == 421
    assert "secret" not in (response.text or "")


@pytest.mark.row("W04")
async def test_a_second_host_name_is_refused_with_the_first(site: Site) -> None:
    headers = CIMultiDict([("Host", "localhost"), ("Host", "evil.example")])
    request = make_mocked_request("GET", "/healthz", headers=headers, app=site.served)

    assert (await site.served._handle(request)).status == 421


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:6066", "127.0.0.1:6066", "127.0.0.1", "[::1]:6066", "[::1]"]
)
async def test_the_names_of_this_machine_are_served(site: Site, host: str) -> None:
    assert (await site.ask("/healthz", Host=host)).status == 200


@pytest.mark.parametrize(
    ("header", "host"),
    [("A.b:1", "a.b"), ("[FE80::1]:9", "fe80::1"), ("a:b", None), ("a/b", None), ("a:1:2", None)],
)
def test_a_host_header_is_read_strictly(header: str, host: str | None) -> None:
    assert host_of(header) == host


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_brings_nothing_from_elsewhere_and_leads_back(site: Site, path: str) -> None:
    elements = Elements(await site.ask_page(path))

    links = [
        value or "" for name, value in elements.attributes if name in ("href", "src", "action")
    ]
    assert "/" in links
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in links)
    assert elements.scripts == ["", ""] + [""] * (path == "/topology")
    assert ("lang", "en") in elements.attributes
    assert elements.tags.count("main") == 1


async def test_the_style_fetches_nothing_and_knows_the_dark(site: Site) -> None:
    response = await site.ask("/static/style.css")

    style = bytes(response.body).decode()  # type: ignore[arg-type]
    assert response.content_type == "text/css"
    assert "url(" not in style
    assert "@import" not in style
    assert "light-dark(" in style


async def test_the_links_of_a_page_of_keys_lead_to_the_rows(site: Site) -> None:
    keys = ["local/default/a", "a b&c?d#e", "100%"]
    site.put("policies", [(key, outcome(key)) for key in keys])

    page = await site.ask_page("/tables/policies")
    links = re.findall(r'href="(/tables/policies/[^"]+)"', page)

    rows = [await site.ask_json(link) for link in links]
    assert sorted(row["key"] for row in rows) == sorted(keys)


async def test_the_next_link_leads_to_the_next_page_of_the_same_kind(site: Site) -> None:
    site.put("policies", [(f"a/{number}", outcome("k")) for number in range(5)])

    page = await site.ask_page("/tables/policies?limit=2&prefix=a%2F&rows=true")
    link = re.search(r'rel="next" href="([^"]+)"', page)
    assert link
    following = await site.ask_json(link[1].replace("&amp;", "&"))

    assert [row["key"] for row in following["rows"]] == ["a/2", "a/3"]
    assert "row" in following["rows"][0]


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/tables", "application/json", "application/json"),
        ("/tables?format=json", "text/html", "application/json"),
        ("/tables?format=html", "application/json", "text/html"),
        ("/tables", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("/tables", "*/*", "text/html"),
        ("/nothing", "application/json", "application/json"),
        ("/nothing", "*/*", "application/json"),
        ("/nothing", "text/html", "text/html"),
    ],
)
async def test_an_answer_comes_as_it_was_asked_for(
    site: Site, path: str, accept: str, kind: str
) -> None:
    assert (await site.ask(path, Accept=accept)).content_type == kind


@pytest.mark.row("W12")
async def test_health_and_readiness_say_why_not(site: Site) -> None:
    site.looker.wedged, site.looker.reasons = ["recovery stands still"], ["rebalancing"]

    health, readiness = await site.ask("/healthz"), await site.ask("/readyz")

    assert (health.status, readiness.status) == (503, 503)
    assert json.loads(health.text or "")["reasons"] == ["recovery stands still"]
    assert json.loads(readiness.text or "")["reasons"] == ["rebalancing"]


@pytest.mark.row("W12")
async def test_a_worker_that_is_not_ready_is_alive(site: Site) -> None:
    site.looker.reasons = ["recovering tables"]

    assert (await site.ask("/healthz")).status == 200
    assert (await site.ask("/readyz")).status == 503


async def test_the_status_holds_all_the_command_line_asks_for(site: Site) -> None:
    content = await site.ask_json("/status")

    assert content["worker"] == "worker-0"
    assert (content["ready"], content["reasons"]) == (True, [])
    assert content["assigned"] == {"pod-events": [0, 1]}
    assert content["committed"] == {"pod-events": {"0": 7}}
    assert content["lag"] == {"pod-events": {"0": 2, "1": 0}}
    assert content["hands"] == {"watcher": {"listed": True}}
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", content["version"])


async def test_hands_that_cannot_say_how_they_are_hide_nothing_else(site: Site) -> None:
    def broken() -> dict[str, object]:
        raise RuntimeError("broken")

    site.status = broken

    content = await site.ask_json("/status")

    assert content["hands"] == {"error": "RuntimeError: broken"}
    assert content["ready"] is True


@pytest.mark.row("W14")
async def test_a_view_that_fails_tells_the_log_and_not_the_asker(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("the secret is 4711")

    monkeypatch.setattr(site.looker, "look", fail)

    answers = [await site.ask("/status", Accept=accept) for accept in ("text/html", "*/*")]

    assert [answer.status for answer in answers] == [500, 500]
    assert not any(
        "4711" in text or "Traceback" in text for text in (a.text or "" for a in answers)
    )
    assert all(answer.headers["X-Content-Type-Options"] == "nosniff" for answer in answers)


async def test_the_metrics_are_this_sites_own(site: Site) -> None:
    site.metrics.buried("tombstone")

    text = bytes((await site.ask("/metrics")).body).decode()  # type: ignore[arg-type]

    assert 'vereflow_dead_letters_total{reason="tombstone"} 1.0' in text
