"""The command line: one file per subcommand, named here."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from deploy.cli.on_demand import on_demand

# Each is the first line of what its function says, repeated so that a list imports none of them.
COMMANDS = {
    "up": "Run the whole local world until Ctrl-C: broker, cluster, Verefoo and workers.",
    "demo": "Play the story and check it: pods appear, a rule is written, a pod goes.",
    "init": "Create or check every topic, changelogs included, and wait until each has a leader.",
    "worker": "Run one replica; start as many as there are partitions, each with a state dir.",
    "wait": "Return when all that was said before has had its effect; exit 1 if it has not.",
    "status": "Say what is wrong, then how the workers fare; exit 1 if one is not ready.",
    "pods": "List the pods that are known, and why one is unprotected.",
    "identities": "List what nodes stand for where they are no pods; exit 1 if there is no NAME.",
    "rules": "List the firewalls' rules, and the pods each is bound to; parked: nobody holds it.",
    "policies": "List the policies and what became of each, or show one whole.",
    "reach": "Say who reaches whom, whoever wrote the policies; exit 1 if FROM does not reach TO.",
    "graph": "Show the graph in Verefoo, as a list or as a picture; exit 1 if there is none.",
    "explain": "Say why FROM reaches TO, or why not: rule, policy, object; exit 1 if it does not.",
    "why": "Say which rules open what in a policy, and what adds to it; exit 1 if there is none.",
    "history": "Say what became of a policy, or of a flow, and by which cause; exit 1 if unknown.",
    "verify": "Compare all that rules and stored policies let through; exit 1 if it is not equal.",
    "diff": "Say what going live writes, and what opens or closes; exit 1 if it would write.",
    "replay": "Compute rules, policies and reach of any past moment; exit 1 if --against differs.",
    "migrate": "Have nodes stand for what cluster.identity says now; exit 1 if flows would change.",
    "probe": "Send a real packet, with `vereflow up --packets`; exit 1 if it does not arrive.",
    "dead-letters": "List what could not be handled; retry or drop some, exit 1 if one stays.",
    "doctor": "Look at everything that is needed, and say what to do; exit 1 if anything is wrong.",
}

app = typer.Typer(
    name="vereflow",
    cls=on_demand("deploy.cli", COMMANDS),
    help="The stream between Verefoo and Kubernetes: rules become policies, pods become nodes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"vereflow {version('vereflow')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which.")
    ] = False,
) -> None: ...


def main(called: str | None = None) -> None:
    """Run the command that the arguments name; ``called`` is what help calls us."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # What the terminal's alphabet lacks is written out rather than a reason to fail.
            stream.reconfigure(errors="backslashreplace")
    app(prog_name=called)
