"""Every command says what it does, with an example, and the shell can complete its name."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from deploy.cli import COMMANDS, app
from tests.unit.cli.conftest import Invoke

NAMES = [*COMMANDS]
ASKING = {
    "status",
    "pods",
    "rules",
    "policies",
    "reach",
    "graph",
    "why",
    "history",
    "explain",
    "probe",
    "dead-letters",
    "doctor",
    "diff",
    "replay",
}


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example_of_the_command(invoke: Invoke, name: str) -> None:
    ended = invoke(name, "--help", COLUMNS="200")

    assert ended.exit_code == 0
    assert f"vereflow {name}" in ended.stdout.split("Example: ")[1]


@pytest.mark.parametrize("name", sorted(ASKING))
def test_every_command_that_asks_is_there_and_prints_for_people_and_programs(
    invoke: Invoke, name: str
) -> None:
    ended = invoke(name, "--help", COLUMNS="200")

    assert name in NAMES
    for words in ("--endpoints", "table|wide|json|yaml"):
        assert words in ended.stdout


def test_an_unknown_way_to_print_is_wrong_usage(invoke: Invoke) -> None:
    assert invoke("pods", "-o", "xml").exit_code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_every_command(shell: str) -> None:
    environment = {
        "_VEREFLOW_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": "vereflow ",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "vereflow ",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }

    ended = CliRunner().invoke(app, [], env=environment, prog_name="vereflow")

    for name in NAMES:
        assert name in ended.stdout
