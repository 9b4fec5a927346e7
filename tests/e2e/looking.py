"""A browser that looks at the pages of one world, and what it must never see."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request
from playwright.async_api import async_playwright as playwright

from tests.real import BROWSER

THEMES = ("light", "dark")
WIDTHS = (1280, 390)
WITHIN = 30_000.0
# Of everything that shows text: how far it stands out from what is behind it.
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


class Looking:
    """Pages in a browser; it remembers what went wrong in any of them."""

    def __init__(self, browser: Browser, base: str) -> None:
        self.base = base
        self.wrong: list[str] = []
        self._browser = browser

    async def open(self, path: str, **context: Any) -> Page:
        """Open a page in a window of its own."""
        page = await (await self.window(**context)).new_page()
        await page.goto(f"{self.base}{path}")
        return page

    async def window(self, **context: Any) -> BrowserContext:
        """Return a window in which whatever goes wrong is noted."""
        window = await self._browser.new_context(**context)
        window.set_default_timeout(WITHIN)
        window.on("console", self._said)
        window.on("weberror", lambda error: self.wrong.append(str(error.error)))
        window.on("request", self._asked)
        return window

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(f"{self.base}/"):
            self.wrong.append(f"asked elsewhere: {request.url}")


@asynccontextmanager
async def looking(base: str) -> AsyncIterator[Looking]:
    """Start a browser."""
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with playwright() as started:
        browser = await started.chromium.launch(executable_path=shutil.which(BROWSER), args=options)
        try:
            yield Looking(browser, base)
        finally:
            await browser.close()
