"""vereflow explain: whether one reaches another, and which rule, policy and object decides."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from agents.asking.ends import Known
from agents.asking.explaining import explain as explain_it
from agents.asking.plain import plain
from agents.asking.reaching import parse_port
from agents.asking.rows import Rows
from agents.asking.stored import Stored
from agents.asking.workers import Answers, Kinds, ask_workers
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.endpoints import Running, find
from deploy.cli.options import EndpointsFile, Output, WebUrls
from deploy.cli.showing import Format, show
from deploy.cli.stored import read_stored
from deploy.cli.worded import sentences
from deploy.judging import judging_of
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.tracker import PodRow
from streams.records.policies import PatchOutcome, PolicyPatch

TABLES: Kinds = {
    "pods": PodRow,
    "graph-pods": PodsRow,
    "graph-rules": GraphRow,
    "wanted": PolicyPatch,
    "policies": PatchOutcome,
}


def explain(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A pod, an identity, or an address.")
    ],
    destination: Annotated[
        str, typer.Argument(metavar="TO", help="The same, or a Service: web or default/web.")
    ],
    port: Annotated[
        str | None, typer.Argument(metavar="PORT", help="80 (TCP), 53/UDP or 9899/SCTP.")
    ] = None,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """Say why FROM reaches TO, or why not: rule, policy, object; exit 1 if it does not.

    Example: vereflow explain pod-a pod-b 80
    """
    with plain_errors():
        asked = parse_port(port) if port is not None else None
        running = find(endpoints, web)
        answers, stored = asyncio.run(_read(running))
        settings = running.settings
        rows = Rows(answers, settings.cluster.name, answers.apart(TABLES))
        warn(map(plain, [*rows.gaps(), *stored.notes]))
        known = Known(rows, stored, judging_of(settings))
        found = explain_it(known, source, destination, asked)
    show(found.model_dump(mode="json", by_alias=True), output, lambda: sentences(found))
    raise typer.Exit(0 if found.reaches else NO)


async def _read(running: Running) -> tuple[Answers, Stored]:
    return await asyncio.gather(
        ask_workers(running.web, TABLES), read_stored(running.settings.cluster)
    )
