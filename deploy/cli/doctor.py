"""vereflow doctor: look at everything a worker needs, and say what to do."""

from __future__ import annotations

import asyncio

import typer

from deploy.cli.answers import NO, errors, plain_errors
from deploy.cli.checks import Finding, examine
from deploy.cli.endpoints import find
from deploy.cli.options import EndpointsFile, Output, WebUrls
from deploy.cli.showing import Format, show, table


def doctor(
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """Look at everything that is needed, and say what to do; exit 1 if anything is wrong.

    Example: vereflow doctor --endpoints here.json
    """
    with plain_errors(), errors.status("looking at everything"):
        findings = asyncio.run(examine(find(endpoints, web)))
    content = {"checks": [finding.as_data() for finding in findings]}
    rows = [_cells(finding) for finding in findings]
    show(content, output, lambda: [table(("CHECK", "", "FOUND"), rows)])
    if not all(finding.ok for finding in findings):
        raise typer.Exit(NO)


def _cells(finding: Finding) -> tuple[str, str, str]:
    if finding.ok:
        return (finding.what, "ok", finding.detail)
    todo = f"; {finding.todo}" if finding.todo else ""
    return (finding.what, "WRONG", f"{finding.detail}{todo}")
