"""Print an answer: as a table for people, as JSON or YAML for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

import typer
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.asking.plain import plain

# What is piped is searched line by line, so no line is broken for want of width.
PIPED_WIDTH = 1000


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def show(content: Any, output: Format, draw: Callable[[], Iterable[str | Table]]) -> None:
    """Print plain content as it was asked for; what is drawn is for people only."""
    if output is Format.JSON:
        typer.echo(json.dumps(content, indent=2))
    elif output is Format.YAML:
        typer.echo(yaml.safe_dump(content, sort_keys=False), nl=False)
    else:
        console = _console()
        for part in draw():
            if isinstance(part, str):
                console.print(
                    "\n".join(map(plain, part.splitlines())), markup=False, soft_wrap=True
                )
            else:
                console.print(part)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return rows under their headers; the last column takes the width that is left."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        drawn.add_column(header, no_wrap=header != headers[-1], overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(plain(cell)) for cell in row))
    return drawn


def more(count: int, shown: int) -> Iterator[str]:
    """Yield how many are left out, if any are."""
    if count > shown:
        yield f"and {count - shown} more: -o json has all"


def _console() -> Console:
    piped = not sys.stdout.isatty() and not os.environ.get("COLUMNS")
    return Console(highlight=False, width=PIPED_WIDTH if piped else None)
