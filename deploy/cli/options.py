"""The options that all commands share which ask a running system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.showing import Format

EndpointsFile = Annotated[
    Path | None,
    typer.Option(
        "--endpoints", envvar="VEREFLOW_ENDPOINTS", help="What `vereflow up --endpoints` wrote."
    ),
]
# Not VEREFLOW_WEB: that is a group of settings.
WebUrls = Annotated[
    list[str] | None,
    typer.Option(
        "--web",
        envvar="VEREFLOW_WEB_URLS",
        help="A worker's web server, such as http://127.0.0.1:6066; one option per worker.",
    ),
]
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print it.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Ask again every 2 s, until Ctrl-C.")]
Everything = Annotated[bool, typer.Option("--all", help="Show those that are gone as well.")]
