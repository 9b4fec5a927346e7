"""A person logs in over TLS, looks, is told when the session is over, logs in again, and leaves."""

from __future__ import annotations

from pathlib import Path

import httpx
from playwright.async_api import Page, expect

from tests.e2e.looking import CONTRAST, THEMES, WIDTHS, WITHIN, looking
from tests.integration.web.workers import running, until
from tests.real import needs_browser
from tests.secret_files import TOKEN, SecretFiles

pytestmark = needs_browser

OTHER = "fedcba9876543210fedcba9876543210"


async def test_a_person_logs_in_and_is_told_when_that_is_over(tmp_path: Path) -> None:
    files = SecretFiles(tmp_path / "secret")
    async with running(tmp_path, 1, **files.settings) as (_, [worker]), looking(worker.url) as seen:
        await worker.client.aclose()
        worker.client = httpx.AsyncClient(base_url=worker.url, verify=files.trust, timeout=60)
        await until(worker.is_ready, "ready")
        page = await seen.open("/tables?format=html", ignore_https_errors=True)

        await reads_the_form_in_every_light(page)
        await logs_in(page, "a" * 32)
        await expect(page.get_by_role("alert")).to_have_text("this is not the token")
        await logs_in(page, TOKEN)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Tables")
        assert page.url == f"{worker.url}/tables?format=html"
        assert await page.evaluate("document.cookie") == ""
        await expect(page.locator("#live")).to_have_text("Live", timeout=WITHIN)

        # Another token ends a session as its time does, and no clock decides how far we are.
        files.put("token", OTHER.encode())
        await expect(page.locator("#live")).to_contain_text("Session over", timeout=WITHIN)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Tables")
        await page.get_by_role("link", name="log in again").click()
        await logs_in(page, OTHER)
        await expect(page.locator("#live")).to_have_text("Live", timeout=WITHIN)
        await page.get_by_role("button", name="Log out").click()
        await page.goto(f"{worker.url}/pods")
        await expect(page.get_by_label("Token")).to_be_focused()
        # That a page is closed is an error to a browser, and there is no other.
        assert all("401" in said for said in seen.wrong), seen.wrong


async def reads_the_form_in_every_light(page: Page) -> None:
    await expect(page.get_by_label("Token")).to_be_focused()
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate(CONTRAST) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def logs_in(page: Page, token: str) -> None:
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Log in").click()
