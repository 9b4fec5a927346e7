"""What the docstrings of the hands say that they read and write."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_WORD = re.compile(r"\[?[a-z]+(?:-[a-z]+)*(?:\.<cluster>)?\]?")


class Hand(NamedTuple):
    """A module that says what it reads and writes: topics, [tables] and the outside."""

    path: Path
    reads: frozenset[str]
    writes: frozenset[str]
    agent: bool

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()


def hands() -> list[Hand]:
    """Return every module of ours whose docstring says so."""
    paths = [*(ROOT / "agents").rglob("*.py"), *(ROOT / "deploy").rglob("*.py")]
    found = [hand_in(path) for path in sorted(paths)]
    return [hand for hand in found if hand is not None]


def hand_in(path: Path) -> Hand | None:
    """Return what one module says, or None if it says nothing of the kind."""
    text = path.read_text()
    doc = ast.get_docstring(ast.parse(text)) or ""
    reads, writes = _said("reads", doc), _said("writes", doc)
    return Hand(path, reads, writes, "@app.agent(" in text) if reads or writes else None


def _said(verb: str, doc: str) -> frozenset[str]:
    match = re.search(rf"^{verb}   *(.*(?:\n  .*)*)", doc, re.MULTILINE)
    if match is None:
        return frozenset()
    text = re.sub(r"\[([^]]*)\]", lambda many: f"[{many[1].replace(', ', '], [')}]", match[1])
    # "graph-edits, for what was polled": what stands behind the comma says when.
    parts = re.split(r", |; ", " ".join(text.split()))
    return frozenset(part for part in parts if not part.startswith(("for ", "through ", "and ")))


def plain(name: str) -> str:
    """Return a topic's name as the vocabulary has it."""
    return name.removesuffix(".<cluster>")
