"""vereflow dead-letters: what could not be handled, where it came from, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from agents.asking.letters import Doing, LetterStays
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.broker import reach_broker
from deploy.cli.endpoints import settings_of
from deploy.cli.letters import read_letters
from deploy.cli.options import EndpointsFile, Output
from deploy.cli.showing import Column, Format, listing, show, table
from deploy.mending import MOST_READ, mend
from streams.settings import Settings

Json = dict[str, Any]

_COLUMNS = (
    Column("TIME", lambda letter: letter["at"]),
    Column("SOURCE", lambda letter: letter["key"]),
    Column("REASON", lambda letter: letter["reason"]),
    Column("DETAIL", lambda letter: letter["detail"] or "-", wide=True),
    Column("RECORD", lambda letter: _cut(letter["excerpt"])),
)
_DONE_HEADERS = ("SOURCE", "DONE", "WHY NOT")
_SHOWN = 40
_ASKED = {
    Doing.RETRY: "send {} records once more, as the newest under their keys, and drop the letters?",
    Doing.DROP: "drop {} letters, so that what they are about never has an effect?",
}


def dead_letters(
    doing: Annotated[
        Doing | None, typer.Argument(help="Do this about some; without it, list.", metavar="DO")
    ] = None,
    keys: Annotated[
        list[str] | None, typer.Argument(help="SOURCE of each, as listed.", metavar="SOURCE")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_READ, help="How many to show, the newest.")
    ] = 20,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
) -> None:
    """List what could not be handled; retry or drop some, exit 1 if one stays.

    Example: vereflow dead-letters retry firewall-changes/3/17
    """
    if doing is None:
        _list(limit, output, endpoints)
        return
    if not keys:
        raise typer.BadParameter(f"say which: vereflow dead-letters {doing} SOURCE")
    if not yes:
        typer.confirm(_ASKED[doing].format(len(keys)), abort=True, err=True)
    with plain_errors():
        done = asyncio.run(_do(settings_of(endpoints), doing, keys))
    show({"deadLetters": done}, output, lambda: [table(_DONE_HEADERS, map(_done_cells, done))])
    if not all(each["done"] for each in done):
        raise typer.Exit(NO)


def _list(limit: int, output: Format, endpoints: EndpointsFile) -> None:
    with plain_errors():
        letters, more = asyncio.run(read_letters(settings_of(endpoints)))
    left = len(letters) - limit
    if left > 0 or more:
        warn([f"{'some' if more else left} older not shown; see --limit"])
    shown = letters[-limit:]
    show({"deadLetters": shown}, output, lambda: [listing(_COLUMNS, shown, output)])


async def _do(settings: Settings, doing: Doing, keys: Sequence[str]) -> list[Json]:
    await reach_broker(settings)
    done = []
    for key in dict.fromkeys(keys):
        why = ""
        try:
            await mend(settings, doing, key)
        except LetterStays as error:
            why = str(error)
        done.append({"key": key, "done": "" if why else str(doing), "why": why})
    return done


def _done_cells(each: Json) -> tuple[object, ...]:
    return (each["key"], each["done"] or "no", each["why"])


def _cut(excerpt: str) -> str:
    return excerpt if len(excerpt) <= _SHOWN else f"{excerpt[: _SHOWN - 1]}…"
