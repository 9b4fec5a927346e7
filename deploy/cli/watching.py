"""Show an answer once, or again and again while somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from time import sleep

import typer
from rich.console import Group
from rich.live import Live

from deploy.cli.answers import NO, plain_errors, unreachable, warn
from deploy.cli.showing import Format, Shown, console_of, rendered, show

EVERY = 2.0
_HINT = f"asked every {EVERY:g} s until Ctrl-C"

Ask = Callable[[], Shown]


def answer(ask: Ask, output: Format, watch: bool) -> None:
    """Show what is answered, and exit with 1 if that is no; watched, go on until Ctrl-C."""
    with plain_errors():
        first = ask()
    if watch:
        # However the first answer is: who watches waits for a better one.
        _watch(first, ask, output)
        return
    warn(first.gaps)
    show(first.content, output, first.draw)
    if not first.yes:
        raise typer.Exit(NO)


def _watch(first: Shown, ask: Ask, output: Format) -> None:
    drawn = output in (Format.TABLE, Format.WIDE)
    with suppress(KeyboardInterrupt):
        if drawn and sys.stdout.isatty():
            _live(first, ask)
        else:
            _repeat(first, ask, output)


def _live(shown: Shown, ask: Ask) -> None:
    """Draw each answer over the one before; what the screen has no room for is cut off."""
    with Live(console=console_of(), auto_refresh=False, vertical_overflow="ellipsis") as screen:
        while True:
            parts = [*shown.gaps, *shown.draw(), "", _HINT]
            screen.update(Group(*map(rendered, parts)), refresh=True)
            shown = _next(ask)


def _repeat(shown: Shown, ask: Ask, output: Format) -> None:
    """Print each answer behind the one before."""
    while True:
        warn(shown.gaps)
        show(shown.content, output, shown.draw)
        # What ends a document of YAML, or sets tables apart.
        typer.echo("---" if output is Format.YAML else "")
        shown = _next(ask)


def _next(ask: Ask) -> Shown:
    """Return the next answer; who watches wants to see the end of an outage as well."""
    while True:
        sleep(EVERY)
        with plain_errors():
            try:
                return ask()
            except unreachable() as error:
                said = str(error) or type(error).__name__
                return Shown(None, list, [f"not reachable, asked again soon: {said}"])
