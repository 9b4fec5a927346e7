"""Whatever others choose as a name stays text on every page, and can be seen."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.unit.web.elements import Elements
from tests.unit.web.living import RULE_KEY, key, live, patch
from tests.unit.web.site import Site, outcome

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7*7 }}{% raw %}",
    "</pre></td></table><h1>fake</h1>",
    "`<b onclick=alert(1)>`",
    "javascript:alert(1)",
    "a\r\nSet-Cookie: x=y",
    "\u202egnp.exe",
    "\x1b[2J\x07 2026-01-01 ERROR fake",
]
PAGES = [
    *("/", "/topology", "/pods", "/rules", "/policies", "/timeline", "/dead-letters", "/tables"),
    *(f"/pods/{key('pod-a')}", f"/policies/{key('pod-c')}", "/tables/policies?rows=true"),
    *(f"/rule?graph=main&key={quote(RULE_KEY)}", "/reach?from=pod-a&to=pod-b&port=80"),
    *("/tables/pods/local%2Fdefault%2Fpod-a", "/nothing", "/past?at=3", "/topology?at=3"),
    "/timeline?from=pod-a&to=pod-b&port=80",
]
# Where what was asked is said again.
ECHOES = [
    *("/pods?q={}&after={}", "/rules?q={}", "/policies?q={}", "/timeline?q={}&after={}"),
    *("/reach?from={}&to={}&port={}", "/topology?namespace={}", "/dead-letters?q={}"),
    *("/tables/policies?prefix={}&after={}", "/tables/{}", "/pods/local/default/{}"),
    "/timeline?from={}&to={}&port={}&since={}",
    *("/past?at={}&q={}", "/tables/policies/{}", "/rule?graph={}&key={}"),
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.row("W09", "X25")
@pytest.mark.threat("T11")
async def test_a_hostile_name_stays_text_on_every_page(small: Site, hostile: str) -> None:
    live(small, hostile)
    small.put("policies", [(hostile, outcome("k", hostile))])
    small.looker.reasons = [f"watcher: {hostile}"]
    small.status = lambda: {hostile: hostile, "pod_watcher": {"error": hostile}}
    asked = [page.replace("{}", quote(hostile, safe="")) for page in ECHOES]

    for path in (*PAGES, *asked):
        elements = Elements(await small.ask_page(path))

        assert elements.open == []
        assert not {"iframe", "style"} & set(elements.tags)
        assert elements.tags.count("h1") == 1
        assert elements.tags.count("img") == 1
        assert set(elements.scripts) == {""}
        assert not any(name.startswith("on") or name == "style" for name, _ in elements.attributes)
        assert all(link.startswith(("/", "#")) for link in elements.links)


@pytest.mark.row("W09")
async def test_what_cannot_be_seen_is_written_out(small: Site) -> None:
    live(small, "\x1b[2J\u202egnp\x00")
    small.status = lambda: {"pod_watcher": {"error": "\x1b[2J\u202egnp\x00"}}

    pages = [await small.ask_page(path) for path in PAGES]

    assert {each for page in pages for each in page if not each.isprintable()} == {"\n"}
    said = [path for path, page in zip(PAGES, pages, strict=True) if r"\u202egnp" in page]
    assert {"/", "/dead-letters", f"/pods/{key('pod-a')}", f"/policies/{key('pod-c')}"} <= {*said}


@pytest.mark.parametrize("name", ["a.json", "x.y.json", "100%", "a b?c#d&e"])
async def test_a_name_of_any_spelling_leads_to_its_page(small: Site, name: str) -> None:
    live(small)
    small.put("wanted", [(key(name), patch("pod-a", "").model_copy(update={"key": key(name)}))])

    page = Elements(await small.ask_page("/policies"))
    (link,) = {each for each in page.links if quote(name) in each}
    found = await small.ask(link, Accept="text/html")

    assert (found.status, found.content_type) == (200, "text/html")
    assert name in Elements(found.text or "").text
