"""Print an answer: as a table for people, as JSON or YAML for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

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
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


class Shown(NamedTuple):
    """An answer for programs, and as it is drawn for people; None: there is none.

    ``gaps`` say beside it what it lacks.
    """

    content: Any
    draw: Callable[[], Iterable[str | Table]]
    gaps: Sequence[str] = ()
    yes: bool = True


class Column(NamedTuple):
    """A column of a list, and what it says of each; a wide one is shown where it is asked for."""

    header: str
    cell: Callable[[Any], object]
    wide: bool = False


def show(content: Any, output: Format, draw: Callable[[], Iterable[str | Table]]) -> None:
    """Print plain content as it was asked for; what is drawn is for people only."""
    if content is None and output in (Format.JSON, Format.YAML):
        return
    if output is Format.JSON:
        typer.echo(json.dumps(content, indent=2))
    elif output is Format.YAML:
        typer.echo(yaml.safe_dump(content, sort_keys=False), nl=False)
    else:
        console = console_of()
        for part in draw():
            console.print(rendered(part), soft_wrap=isinstance(part, str))


def rendered(part: str | Table) -> Text | Table:
    """Return a part of what is drawn, in which nothing steers the terminal."""
    if isinstance(part, str):
        return Text("\n".join(map(plain, part.splitlines())))
    return part


def listing(columns: Sequence[Column], rows: Iterable[Any], output: Format) -> Table:
    """Return a list in those of its columns that are asked for."""
    shown = [each for each in columns if output is Format.WIDE or not each.wide]
    cells = ([each.cell(row) for each in shown] for row in rows)
    return table([each.header for each in shown], cells)


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


def console_of() -> Console:
    """Return where answers are printed: as wide as the terminal, or as lines are long."""
    piped = not sys.stdout.isatty() and not os.environ.get("COLUMNS")
    return Console(highlight=False, width=PIPED_WIDTH if piped else None)
