"""vereflow diff: what writing the wanted policies would change, flow by flow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.table import Table

from agents.asking.moments import Moment, parse_moment
from agents.asking.plain import plain
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.differing import FLOW_HEADERS, Difference, flow_cells, go_live
from deploy.cli.endpoints import ask_all, find, settings_of
from deploy.cli.facts import open_history
from deploy.cli.options import EndpointsFile, Output, WebUrls
from deploy.cli.past import Picture, compare, picture_of
from deploy.cli.replaying import progress, replay_to
from deploy.cli.showing import Format, show, table
from deploy.cli.stored import read_stored
from deploy.judging import judging_of
from streams.records.policies import PolicyPatch
from streams.settings import Settings


def diff(
    at: Annotated[
        list[str] | None,
        typer.Option(metavar="TIME|AGO|OFFSET", help="Given twice: what changed in between."),
    ] = None,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """Say what going live writes, and what opens or closes; exit 1 if it would write.

    With two moments it says what changed from one to the other, from the history alone, and exits
    with 1 if anything did.

    Example: vereflow diff --at 2h --at now
    """
    if at:
        _between(at, output, endpoints)
    with plain_errors():
        running = find(endpoints, web)
        answers, stored = asyncio.run(_ask(running))
        going = go_live(
            answers.rows("wanted", PolicyPatch),
            stored,
            running.settings,
            judging_of(running.settings).outside,
        )
    warn(answers.gaps())
    warn(map(plain, stored.notes))
    show(going.as_data(), output, lambda: _page(going))
    raise typer.Exit(0 if going.nothing and not answers.gaps() else NO)


def _between(at: list[str], output: Format, endpoints: Path | None) -> NoReturn:
    with plain_errors():
        if len(at) != 2:
            raise ValueError("--at is given twice: from when, and until when")
        now = datetime.now(UTC)
        moments = [parse_moment(each, now) for each in at]
        settings = settings_of(endpoints)
        difference = compare(*asyncio.run(_pictures(settings, moments)), settings)
    show(difference.as_data(), output, lambda: [*_changes(difference), difference.counted])
    raise typer.Exit(0 if difference.nothing else NO)


async def _pictures(settings: Settings, moments: list[Moment]) -> tuple[Picture, Picture]:
    async with open_history(settings) as history:
        with progress() as report:
            before, after = [
                picture_of((await replay_to(history, settings, each, report)).replay, settings)
                for each in moments
            ]
    return before, after


async def _ask(running: Any) -> Any:
    return await asyncio.gather(
        ask_all(running, {"wanted": PolicyPatch}), read_stored(running.settings.cluster)
    )


def _page(going: Difference) -> Iterator[str | Table]:
    yield from _changes(going)
    yield going.summary


def _changes(going: Difference) -> Iterator[str | Table]:
    if going.flows:
        yield table(FLOW_HEADERS, map(flow_cells, going.flows))
    for what, names in (
        ("create", going.create),
        ("update", going.update),
        ("delete", going.delete),
    ):
        if names:
            yield f"{what} {', '.join(names[:20])}{' and more' * (len(names) > 20)}"
