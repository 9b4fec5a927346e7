"""vereflow verify: whether all stored policies together say what the rules say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.table import Table

from agents.asking.plain import plain
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.endpoints import Running, ask_all, find
from deploy.cli.options import EndpointsFile, Output, WebUrls
from deploy.cli.rules import TABLES
from deploy.cli.showing import Format, more, show, table
from deploy.cli.stored import read_stored
from deploy.cli.verifying import Findings, verify_all

Json = dict[str, Any]

LOOK_EVERY = 0.5
# Of each kind; the counts are always whole.
_MOST_SHOWN = 50
_DIFFERENT_HEADERS = ("", "PAIRS", "EXAMPLE", "PORTS", "POLICIES", "RULES")
_INEXACT_HEADERS = ("", "REASON", "RULE", "EXAMPLE")


def verify(
    within: Annotated[
        float,
        typer.Option(min=0, max=3600, help="Seconds that changes on their way may take to arrive."),
    ] = 5.0,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """Compare all that rules and stored policies let through; exit 1 if it is not equal.

    Example: vereflow verify -o json
    """
    with plain_errors():
        running = find(endpoints, web)
        findings, gaps = asyncio.run(_settled(running, within))
    warn(gaps)
    warn(map(plain, findings.notes))
    show(findings.as_data(), output, lambda: _page(findings))
    raise typer.Exit(0 if findings.equal and not gaps else NO)


async def _settled(running: Running, within: float) -> tuple[Findings, list[str]]:
    """Look until nothing differs that may still be on its way, or the time is over."""
    deadline = time.monotonic() + within
    while True:
        answers, stored = await asyncio.gather(
            ask_all(running, TABLES), read_stored(running.settings.cluster)
        )
        findings = verify_all(answers, stored, running.settings)
        if findings.settled or time.monotonic() >= deadline:
            return findings, answers.gaps()
        await asyncio.sleep(LOOK_EVERY)


def _page(found: Findings) -> Iterator[str | Table]:
    if found.differences:
        yield table(_DIFFERENT_HEADERS, map(_different, found.differences[:_MOST_SHOWN]))
        yield from more(len(found.differences), _MOST_SHOWN)
    if found.inexact:
        yield table(_INEXACT_HEADERS, map(_inexact, found.inexact[:_MOST_SHOWN]))
        yield from more(len(found.inexact), _MOST_SHOWN)
    for each in found.unprotected[:_MOST_SHOWN]:
        yield f"OPEN {each['pod']}: {each['why']}"
    yield from more(len(found.unprotected), _MOST_SHOWN)
    for line in found.unsettled[:_MOST_SHOWN]:
        yield f"UNSETTLED {line}"
    yield from more(len(found.unsettled), _MOST_SHOWN)
    yield found.summary


def _different(found: Json) -> tuple[object, ...]:
    errs, causes = found["errs"].upper(), (found["policies"], found["rules"])
    return (errs, found["count"], found["example"], found["ports"], *map(_listed, causes))


def _inexact(found: Json) -> tuple[object, ...]:
    return (found["errs"].upper(), found["reason"], found["rule"], found["example"] or "-")


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "-"
