"""vereflow why: where each opening of a policy comes from, what came of it, and what adds to it."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from agents.asking.naming import one_named
from agents.asking.plain import plain
from agents.asking.why import why_of
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.endpoints import find
from deploy.cli.options import EndpointsFile, Output, WebUrls
from deploy.cli.seeing import see
from deploy.cli.showing import Format, show
from deploy.cli.worded_policy import page


def why(
    name: Annotated[str, typer.Argument(metavar="POLICY", help="default/pod-a or pod-a.")],
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """Say which rules open what in a policy, and what adds to it; exit 1 if there is none.

    Example: vereflow why default/pod-a
    """
    with plain_errors():
        seen = asyncio.run(see(find(endpoints, web)))
        key = one_named(seen.rows.wanted, name)
    warn(map(plain, seen.gaps))
    if key is None:
        warn([f"no policy {plain(name)!r}"])
        raise typer.Exit(NO)
    found = why_of(seen, key)
    show(found.model_dump(mode="json", by_alias=True), output, lambda: page(found))
