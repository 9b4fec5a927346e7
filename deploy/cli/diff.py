"""vereflow diff: what writing the wanted policies would change, flow by flow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import typer
from rich.table import Table

from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.asking import ask_workers
from deploy.cli.differing import Going, go_live
from deploy.cli.endpoints import find
from deploy.cli.options import EndpointsFile, Output, WebUrls
from deploy.cli.showing import Format, plain, show, table
from deploy.cli.stored import read_stored
from deploy.judging import judging_of
from streams.records.policies import PolicyPatch

_HEADERS = ("PAIRS", "EXAMPLE", "OPENS", "CLOSES")


def diff(
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """Say what going live writes, and what opens or closes; exit 1 if it would write.

    Example: vereflow diff -o json
    """
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


async def _ask(running: Any) -> Any:
    return await asyncio.gather(
        ask_workers(running.web, {"wanted": PolicyPatch}), read_stored(running.settings.cluster)
    )


def _page(going: Going) -> Iterator[str | Table]:
    if going.flows:
        yield table(_HEADERS, map(_cells, going.flows))
    for what, names in (
        ("create", going.create),
        ("update", going.update),
        ("delete", going.delete),
    ):
        if names:
            yield f"{what} {', '.join(names[:20])}{' and more' * (len(names) > 20)}"
    yield going.summary


def _cells(flow: dict[str, Any]) -> tuple[object, ...]:
    return (flow["count"], flow["pairs"][0], flow["opens"] or "-", flow["closes"] or "-")
