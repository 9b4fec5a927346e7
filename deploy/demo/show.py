"""Say on the terminal what happens: headings, checks, matrices, what changed in the YAML."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

Json = dict[str, Any]


class Narrator:
    """Tells the story, and keeps count of what came true."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.kept = 0
        self.broken: list[str] = []

    def part(self, title: str) -> None:
        """Begin a part, which has chapters."""
        self._console.print()
        self._console.rule(Text(title, style="bold cyan"), characters="═")

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._console.print()
        self._console.rule(Text(title, style="bold"), align="left")

    def say(self, text: str) -> None:
        """Tell a line of the story."""
        self._console.print(text, markup=False, highlight=False)

    def check(self, claim: str, holds: bool, detail: str = "") -> None:
        """Show whether a claim came true, and remember."""
        sign = Text("  ✓ ", style="green") if holds else Text("  ✗ ", style="bold red")
        self._console.print(sign + Text(claim) + Text(f"  {detail}" if detail else "", style="dim"))
        if holds:
            self.kept += 1
        else:
            self.broken.append(claim)

    def took(self, claim: str, seconds: float | None) -> None:
        """Show a claim that came true after a while, or never."""
        detail = f"after {seconds * 1000:.0f} ms" if seconds is not None else "it never did"
        self.check(claim, seconds is not None, detail)

    def matrix(self, title: str, names: Sequence[str], flows: Callable[[str, str], str]) -> None:
        """Show who reaches whom."""
        table = Table("from \\ to", *names, title=title, title_justify="left")
        for source in names:
            cells = [
                Text("·", style="dim") if source == target else _cell(flows(source, target))
                for target in names
            ]
            table.add_row(source, *cells)
        self._console.print(table)

    def neighbours(self, graph: dict[str, list[str]]) -> None:
        """Show the nodes of a graph and where their edges lead."""
        table = Table("node", "neighbours", title="Verefoo graph", title_justify="left")
        for name in sorted(graph):
            table.add_row(name, ", ".join(graph[name]) or "none")
        self._console.print(table)

    def difference(self, name: str, before: Json, after: Json) -> None:
        """Show which lines of a policy's spec changed."""
        lines = difflib.unified_diff(
            _lines(before), _lines(after), f"{name} before", f"{name} after", n=1, lineterm=""
        )
        for line in lines:
            style = {"+": "green", "-": "red"}.get(line[:1], "dim")
            self._console.print(Text(f"    {line}", style=style))


def _cell(flow: str) -> Text:
    return Text(flow, style="green") if flow else Text("no", style="red")


def _lines(spec: Json) -> list[str]:
    return yaml.safe_dump(spec).splitlines()
