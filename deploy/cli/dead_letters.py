"""vereflow dead-letters: what could not be handled, where it came from, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from deploy.cli.answers import plain_errors, warn
from deploy.cli.endpoints import settings_of
from deploy.cli.letters import MOST_READ, read_letters
from deploy.cli.options import EndpointsFile, Output
from deploy.cli.showing import Format, show, table

_HEADERS = ("TIME", "SOURCE", "REASON", "RECORD")
_SHOWN = 40


def dead_letters(
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_READ, help="How many to show, the newest.")
    ] = 20,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
) -> None:
    """List what could not be handled, each once, the newest last.

    Example: vereflow dead-letters --limit 5
    """
    with plain_errors():
        letters, more = asyncio.run(read_letters(settings_of(endpoints)))
    left = len(letters) - limit
    if left > 0 or more:
        warn([f"{'some' if more else left} older not shown; see --limit"])
    shown = letters[-limit:]
    show({"deadLetters": shown}, output, lambda: [table(_HEADERS, map(_cells, shown))])


def _cells(letter: Mapping[str, Any]) -> tuple[object, ...]:
    excerpt = letter["excerpt"]
    cut = excerpt if len(excerpt) <= _SHOWN else f"{excerpt[: _SHOWN - 1]}…"
    return (letter["at"], letter["key"], letter["reason"], cut)
