"""The command line: one file per subcommand, registered here."""

from __future__ import annotations

import sys
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

import typer

from deploy.cli.dead_letters import dead_letters
from deploy.cli.demo import demo
from deploy.cli.doctor import doctor
from deploy.cli.init import init
from deploy.cli.pods import pods
from deploy.cli.policies import policies
from deploy.cli.probe import probe
from deploy.cli.reach import reach
from deploy.cli.rules import rules
from deploy.cli.status import status
from deploy.cli.up import up
from deploy.cli.wait import wait
from deploy.cli.worker import worker

app = typer.Typer(
    name="vereflow",
    help="The stream between Verefoo and Kubernetes: rules become policies, pods become nodes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"vereflow {version('vereflow')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which.")
    ] = False,
) -> None: ...


COMMANDS = (
    *(up, demo, init, worker, wait),
    *(status, pods, rules, policies, reach, probe, dead_letters, doctor),
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run the command that the arguments name."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # What the terminal's alphabet lacks is written out rather than a reason to fail.
            stream.reconfigure(errors="backslashreplace")
    app()
