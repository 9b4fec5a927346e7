"""What makes a site of docs/: what its pages link to outside comes along, links lead there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
# They stand outside docs/, where everybody looks for them, and are pages here as well.
DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "DECISIONS.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "deploy/helm/vereflow/README.md",
)
_PAGES = "project"
_CODE = "source"
_CELL = re.compile(r"<td>.*?</td>", re.DOTALL)
_LINK = re.compile(r"\[(?P<text>[^]]*)\]\((?P<target>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents, and whatever any page links to, to what the site is made of."""
    for name in DOCUMENTS:
        content = (ROOT / name).read_text()
        files.append(File.generated(config, f"{_PAGES}/{name}", content=content))
    for path in sorted({path for page in files.documentation_pages() for path in linked(page)}):
        # As text: a browser shows that, and keeps what it takes for a program.
        files.append(File.generated(config, site_path(path), content=path.read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to where things lie in the repository into links to where they are here."""
    home = home_of(page.file)
    start = os.path.dirname(page.file.src_uri)

    def turned(link: re.Match[str]) -> str:
        path = Path(os.path.normpath(home.parent / link["target"]))
        if path.is_dir():
            return link["text"]
        there = os.path.relpath(site_path(path), start or ".")
        return f"[{link['text']}]({there}{link['anchor'] or ''})"

    return _LINK.sub(turned, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Show an escaped bar in a table's code as a bar, as other renderers do."""
    return _CELL.sub(lambda cell: cell[0].replace("\\|", "|"), html)


def linked(page: File) -> set[Path]:
    """Return the files outside of the site's pages to which one of them links."""
    home = home_of(page)
    targets = (link["target"] for link in _LINK.finditer(page.content_string))
    paths = {Path(os.path.normpath(home.parent / target)) for target in targets}
    return {path for path in paths if path.is_file() and site_path(path).startswith(_CODE)}


def home_of(page: File) -> Path:
    """Return where a page lies in the repository."""
    if page.src_uri.startswith(f"{_PAGES}/"):
        return ROOT / page.src_uri.removeprefix(f"{_PAGES}/")
    return DOCS / page.src_uri


def site_path(path: Path) -> str:
    """Return where a file of the repository is in the site."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()
    return f"{_PAGES}/{name}" if name in DOCUMENTS else f"{_CODE}/{name}.txt"
