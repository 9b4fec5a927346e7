"""The few words of Markdown that the pages are written in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def page(title: str, *parts: str) -> str:
    """Return a page, with a note for whoever wants to change it."""
    note = "<!-- Written by `make docs` from the code: change it there. -->"
    return "\n\n".join([f"# {title}", note, *parts]) + "\n"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows under their headers."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def code(text: object) -> str:
    """Return text as it is typed."""
    return f"`{text}`" if str(text) else ""


def link(path: str, text: str = "") -> str:
    """Return a link from a page to a file of the repository."""
    return f"[{text or path}](../{path})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
