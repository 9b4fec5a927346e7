"""People look at a running system in a browser: it is live, it explains, and it breaks nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.acting import Actor, acting
from tests.e2e.looking import CONTRAST, THEMES, WIDTHS, WITHIN, Looking, looking
from tests.real import needs_browser

pytestmark = needs_browser

PODS = {f"pod-{letter}": f"10.244.7.{number}" for number, letter in enumerate("abc", 11)}
A, B, C = PODS.values()
PAGES = {
    "overview": "/",
    "topology": "/topology",
    "pods": "/pods",
    "pod": "/pods/local/default/pod-a",
    "identities": "/identities",
    "rules": "/rules",
    "policies": "/policies",
    "policy": "/policies/local/default/pod-a",
    "reach": "/reach?from=pod-a&to=pod-b&port=80",
    "timeline": "/timeline",
    "flow": "/timeline?from=pod-a&to=pod-b&port=80",
    "past": "/past?at=0",
    "letters": "/dead-letters",
    "tables": "/tables",
    "rows": "/tables/wanted",
    "row": "/tables/pods/local%2Fdefault%2Fpod-a",
}
# Where screenshots of every page go, for somebody to look at.
SHOTS = os.environ.get("SHOTS")


def allow(source: str, destination: str, port: str = "80") -> dict[str, Any]:
    return {
        "action": "ALLOW",
        "source": source,
        "destination": destination,
        "protocol": "TCP",
        "srcPort": "80",
        "dstPort": port,
        "directional": True,
    }


@pytest.fixture
async def actor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Actor]:
    monkeypatch.setenv("VEREFLOW_WEB__WRITABLE", "true")
    async with acting(tmp_path, 2) as actor:
        await actor.create_pods(PODS)
        await actor.write_rules([allow(A, B)])
        await actor.produce("pod-events", [(b"k", b'{"podName": "<img src=x onerror=alert(1)>')])
        await actor.settled()
        yield actor


async def test_people_see_it_and_ask_it(actor: Actor) -> None:
    async with looking(actor.world.workers.workers[0].url) as browser:
        await sees_a_rule_arrive(browser, actor)
        await clicks_from_page_to_page(browser)
        await goes_back_in_time(browser)
        await asks_what_opened_a_way(browser)
        await retries_a_letter(browser)
        await reads_every_page_in_every_light(browser)
        await reads_every_table_without_scripts(browser)
        await walks_by_keyboard(browser)
        await chooses_the_theme(browser)
        assert browser.wrong == []
        await sees_workers_die(browser, actor)


async def sees_a_rule_arrive(browser: Looking, actor: Actor) -> None:
    overview, rules = await browser.open("/"), await browser.open("/rules")
    for page in (overview, rules):
        await expect(page.locator("#live")).to_have_text("Live", timeout=WITHIN)
        await page.evaluate("window.untouched = true")

    await actor.write_rules([allow(A, B), allow(B, C, "8080")])

    arrived = rules.locator("tr.fresh", has_text=f"{B}:80 -> {C}:8080")
    await expect(arrived).to_be_visible(timeout=WITHIN)
    await expect(arrived).to_contain_text("default/pod-b")
    changed = overview.locator("#changes tr.fresh", has_text="default/pod-c")
    await expect(changed.first).to_contain_text("APPLIED", timeout=WITHIN)
    for page in (overview, rules):
        assert await page.evaluate("window.untouched") is True
        await page.context.close()


async def clicks_from_page_to_page(browser: Looking) -> None:
    page = await browser.open("/")
    await page.get_by_role("link", name="Topology").click()
    node = page.locator(".nodes [data-name='default/pod-a']")
    await node.locator("circle").click()
    await expect(page.locator("#focus")).to_contain_text("reaches 1, is reached by 0")
    await page.locator("#focus a").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("default/pod-a")
    await page.locator("#pod dl").get_by_role("link", name="default/pod-a").click()
    await expect(page.get_by_role("heading", name="Manifest")).to_be_visible()
    await expect(page.locator("#wanted + pre")).to_contain_text("kind: NetworkPolicy")
    await page.get_by_role("link", name="Who reaches it").click()
    await page.get_by_label("From").fill("pod-b")
    await page.get_by_label("at port").fill("80")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.locator(".way.no h2")).to_contain_text("default/pod-b → default/pod-a")
    yes = page.locator(".way.yes")
    await expect(yes).to_contain_text("default/pod-a → default/pod-b at TCP 80")
    await yes.get_by_role("link", name="ALLOW TCP").click()
    await expect(page.locator("#unsaid")).to_contain_text("wider than the rule")
    await page.get_by_role("link", name="Timeline").click()
    await expect(page.locator("#list tbody tr").first).to_contain_text("written")
    await page.get_by_role("link", name="Dead letters").click()
    await page.locator("summary", has_text="bytes").click()
    await expect(page.locator("pre")).to_contain_text("<img src=x onerror=alert(1)>")
    await page.context.close()


async def goes_back_in_time(browser: Looking) -> None:
    """To before the rule that arrived, which let pod-b reach pod-c."""
    page = await browser.open("/timeline?q=pod-c")
    await page.locator("#list tbody tr time").last.click()
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("Past", timeout=WITHIN)
    await expect(page.get_by_role("region", name="What changed since")).to_contain_text("TCP 8080")
    sender = page.get_by_role("region", name="Pods").locator("tr", has_text=B)
    await expect(sender).to_contain_text("nobody")
    await page.get_by_label("Through what changed lately").press("End")
    now = page.locator("p", has_text="Nothing: the same may be sent now.")
    await expect(now).to_be_visible(timeout=WITHIN)
    await expect(page.locator("#pause")).to_be_hidden()
    await page.get_by_role("link", name="As a picture").click()
    node = page.locator(".nodes [data-name='default/pod-a']")
    await expect(node).to_be_visible(timeout=WITHIN)
    await page.context.close()


async def asks_what_opened_a_way(browser: Looking) -> None:
    page = await browser.open("/timeline")
    await page.get_by_label("the way from").fill("pod-b")
    await page.get_by_label("to", exact=True).fill("pod-c")
    await page.get_by_label("at port").fill("8080")
    await page.get_by_role("button", name="Ask").click()
    turn = page.get_by_role("region", name="Turns").locator("tbody tr").first
    await expect(turn).to_contain_text("opened", timeout=WITHIN)
    await expect(turn.get_by_role("link", name="ALLOW TCP")).to_be_visible()
    await expect(page.locator("#flow")).to_contain_text("Now: yes")
    await page.context.close()


async def retries_a_letter(browser: Looking) -> None:
    """Nothing was mended meanwhile: there is a new letter in place of the old one."""
    page = await browser.open("/dead-letters")
    letters = page.locator(".letter")
    old = await letters.get_attribute("data-key")
    await page.locator("summary", has_text="Send it again").click()
    await page.get_by_role("button", name="Send it again").click()
    await expect(letters).not_to_have_attribute("data-key", str(old), timeout=WITHIN)
    await expect(letters).to_have_count(1)
    await page.context.close()


async def reads_every_page_in_every_light(browser: Looking) -> None:
    page = await (await browser.window()).new_page()
    for name, path in PAGES.items():
        await page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        await page.goto(f"{browser.base}{path}")
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            for theme in THEMES:
                await page.emulate_media(color_scheme=theme)
                assert await page.evaluate(CONTRAST) == [], (theme, path)
                await keep(page, f"{name}-{theme}-{width}.png")
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
    await page.context.close()


async def keep(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / name, full_page=True)


async def reads_every_table_without_scripts(browser: Looking) -> None:
    window = await browser.window(java_script_enabled=False)
    page = await window.new_page()
    for path, said in {
        "/": "worker-1",
        "/topology": "default/pod-b",
        "/pods": "local/default/pod-a",
        "/rules": "default/pod-b",
        "/policies": "APPLIED",
        "/timeline": "firewall-changes",
        "/tables/wanted": "local/default/pod-c",
    }.items():
        await page.goto(f"{browser.base}{path}")
        assert said in await page.content()
        assert not await page.locator("button:visible", has_text="Pause").count()
    await page.goto(f"{browser.base}/pods")
    await page.get_by_label("Search").fill("pod-b")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await window.close()


async def walks_by_keyboard(browser: Looking) -> None:
    page = await browser.open("/pods")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Search")).to_be_focused()
    await page.keyboard.type("pod-c")
    await page.keyboard.press("Enter")
    await expect(page.locator("tbody tr")).to_have_count(1)
    link = page.locator("tbody a").first
    await link.focus()
    assert await link.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("default/pod-c")
    await page.context.close()


async def chooses_the_theme(browser: Looking) -> None:
    page = await browser.open("/", color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(paper)
    await page.get_by_role("button", name="Dark").click()
    dark = await page.evaluate(paper)
    await page.goto(f"{browser.base}/pods")

    assert light != dark == await page.evaluate(paper)
    await page.context.close()


async def sees_workers_die(browser: Looking, actor: Actor) -> None:
    """First another than the one that serves the page, then that one too."""
    ours, other = actor.world.workers.workers
    page = await browser.open("/")
    await expect(page.locator("#live")).to_have_text("Live", timeout=WITHIN)
    workers = page.locator("#workers tbody tr")
    await expect(workers).to_have_count(2)

    os.kill(other.pid, signal.SIGKILL)
    # Whether it is silent still or others have taken over by then.
    await expect(workers).to_have_count(1, timeout=2 * WITHIN)
    os.kill(ours.pid, signal.SIGKILL)
    await expect(page.locator("#live")).to_have_text("No answer, trying again", timeout=WITHIN)
    await expect(workers.first).to_be_visible()
