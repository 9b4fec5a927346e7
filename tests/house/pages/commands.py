"""The command line, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from deploy.cli import COMMANDS, app
from deploy.cli.answers import NO, NOT_REACHABLE, WRONG_USAGE
from tests.house.pages.markdown import code, page, table

INTRO = """
Names, options and exit codes are a contract. What is asked for is printed on standard output,
everything else on standard error. `--install-completion` teaches the shell to complete names and
options. `kubectl vereflow` is the same command, and kubectl's own completion knows its words.
Commands that ask a running system find it by `--endpoints FILE` of a `vereflow up`, by `--web URL`,
or by the [settings](settings.md) that its workers have.
""".strip()
ENDS = {
    0: "As asked.",
    NO: "The answer is no: not ready, not reached, not there.",
    WRONG_USAGE: "Wrong usage or configuration, said in one line.",
    NOT_REACHABLE: "Something that is needed does not answer.",
}


def commands() -> str:
    """Return the page of commands."""
    ends = table(("exit code", "meaning"), [(str(status), said) for status, said in ENDS.items()])
    overview = table(
        ("command", "what it does"),
        [(f"[{code(name)}](#vereflow-{name})", line) for name, line in COMMANDS.items()],
    )
    return page("Commands", INTRO, ends, overview, *_each())


def _each() -> Iterator[str]:
    group: Any = typer.main.get_command(app)
    with group.make_context("vereflow", ["status"], resilient_parsing=True) as above:
        for name in COMMANDS:
            _, command, _ = group.resolve_command(above, [name])
            here = command.make_context(name, [], parent=above, resilient_parsing=True)
            said, _, example = inspect.cleandoc(command.help).partition("Example: ")
            yield f"## vereflow {name}"
            yield said.strip()
            yield f"```sh\n{_usage(command, here)}\n\n# for example\n{example.strip()}\n```"
            if rows := [*_parameters(command, here)]:
                yield table(("argument or option", "meaning"), rows)


def _usage(command: Any, here: Any) -> str:
    return " ".join([here.command_path, *command.collect_usage_pieces(here)])


def _parameters(command: Any, here: Any) -> Iterator[tuple[str, str]]:
    for parameter in command.get_params(here):
        record = parameter.get_help_record(here)
        if record is not None and parameter.name != "help":
            yield code(record[0]), " ".join(record[1].split())
