"""vereflow explain: whether one reaches another, and which rule, policy and object decides."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from agents.asking.ends import Known
from agents.asking.explaining import explain as explain_it
from agents.asking.plain import plain
from agents.asking.reaching import parse_port
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.endpoints import find
from deploy.cli.options import EndpointsFile, Output, WebUrls
from deploy.cli.seeing import see
from deploy.cli.showing import Format, show
from deploy.cli.worded import sentences


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
        seen = asyncio.run(see(find(endpoints, web)))
        warn(map(plain, seen.gaps))
        known = Known(seen.rows, seen.cluster.stored, seen.judging)
        found = explain_it(known, source, destination, asked)
    show(found.model_dump(mode="json", by_alias=True), output, lambda: sentences(found))
    raise typer.Exit(0 if found.reaches else NO)
