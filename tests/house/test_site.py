"""The documentation builds as a site in which every link leads somewhere, and asks nobody."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from streams.topics import VOCABULARY
from tables.catalog import CATALOG

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PROMISES = DOCS / "explanation/promises.md"
# What a browser fetches by itself, and where that is said; where somebody may click is no matter.
FETCHED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site: a page that nothing leads to, a link that leads nowhere are errors."""
    folder = tmp_path_factory.mktemp("site")
    # Not --quiet: a warning that is not said counts for nothing.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = [path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")]
    named = [path.with_name("index.html") if path.stem == "README" else path for path in pages]

    assert len(named) > 20
    assert [path for path in named if not (site / path).exists()] == []


def test_no_page_has_a_browser_fetch_anything_from_elsewhere(site: Path) -> None:
    found = {url for path in site.rglob("*.html") for url in fetched(path.read_text())}

    assert len(found) > 5
    assert [url for url in found if re.match(r"(?:[a-z]+:)?//", url)] == []


def test_no_style_has_a_browser_fetch_anything_from_elsewhere(site: Path) -> None:
    styles = [path.read_text() for path in site.rglob("*.css")]

    assert styles
    assert [
        found for text in styles for found in re.findall(r"url\(['\"]?https?:[^)]*", text)
    ] == []


def test_the_picture_names_every_topic_and_every_table() -> None:
    picture = (DOCS / "explanation/dataflow.svg").read_text()

    assert [name for name in VOCABULARY if name not in picture] == []
    assert [name for name in CATALOG if f"[{name}]" not in picture] == []


def test_every_promise_is_held_by_tests_that_are_there() -> None:
    named = re.findall(r"((?:`test_\w+`(?: and )?)+) in \[\w+\]\(([^)]+)\)", PROMISES.read_text())
    claims = [(name, path) for names, path in named for name in re.findall(r"\w{10,}", names)]

    assert len(claims) > 15
    assert [
        name for name, path in claims if f"def {name}(" not in (PROMISES.parent / path).read_text()
    ] == []


def fetched(page: str) -> Iterator[str]:
    """Yield from where a browser that opens a page fetches something."""

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            urls.extend(url for name, url in attrs if name == FETCHED.get(tag) and url)

    urls: list[str] = []
    Reader().feed(page)
    yield from urls
