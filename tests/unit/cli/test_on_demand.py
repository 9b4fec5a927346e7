"""A command's module is imported when it is asked for, and then as little as it needs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import deploy.cli
from deploy.cli import COMMANDS
from tests.unit.cli.conftest import Invoke

# Each takes a tenth of a second and more.
HEAVY = {"aiohttp", "aiokafka", "faust", "kubernetes", "rocksdict"}
SCRIPT = """
import atexit, sys
atexit.register(lambda: print("imported:", *sys.modules))
from deploy.cli import main
main()
"""


def imported(*arguments: str, **environment: str) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={"PATH": "", "VEREFLOW_STATE_DIR": "/dev/null", **environment},
        cwd=Path(deploy.cli.__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    return set(ended.stdout.rpartition("imported: ")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], [], ["hlep"]])
def test_what_needs_no_command_imports_none(arguments: list[str]) -> None:
    modules = imported(*arguments)

    assert "deploy.cli" in modules
    assert {module for module in modules if module.startswith("deploy.cli.")} == {
        "deploy.cli.on_demand"
    }
    assert modules & HEAVY == set()


def test_completing_a_name_imports_no_command() -> None:
    # As bash asks.
    modules = imported(_VEREFLOW_COMPLETE="complete_bash", COMP_WORDS="vereflow ", COMP_CWORD="1")

    assert "deploy.cli.on_demand" in modules
    assert modules & {*HEAVY, "deploy.cli.status"} == set()


@pytest.mark.parametrize("name", ["pods", "rules", "policies"])
def test_a_command_that_asks_workers_only_imports_nothing_heavy(name: str) -> None:
    modules = imported(name, "--help")

    assert f"deploy.cli.{name}" in modules
    assert modules & HEAVY == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says(name: str) -> None:
    word = name.replace("-", "_")
    command = getattr(import_module(f"deploy.cli.{word}"), word)

    assert (inspect.getdoc(command) or "").splitlines()[0] == COMMANDS[name]


def test_every_command_is_listed() -> None:
    folder = Path(deploy.cli.__file__).parent
    written = {
        path.stem.replace("_", "-")
        for path in folder.glob("*.py")
        if path.read_text().startswith(f'"""vereflow {path.stem.replace("_", "-")}: ')
    }

    assert written == set(COMMANDS)


def test_a_mistyped_command_is_wrong_usage_and_hears_what_was_meant(invoke: Invoke) -> None:
    ended = invoke("statsu")

    assert ended.exit_code == 2
    assert "Did you mean 'status'?" in ended.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_the_options_of_a_command(invoke: Invoke, shell: str) -> None:
    words = "vereflow status --end"
    environment = {
        "_VEREFLOW_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": "2",
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }

    ended = invoke(**environment)

    assert "--endpoints" in ended.stdout
