"""An unmodified kubectl finds `kubectl vereflow`, and completes its words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploy.cli import COMMANDS

BIN = Path(sys.executable).parent


def kubectl(*arguments: str) -> str:
    done = subprocess.run(
        [BIN / "kubectl", *arguments],
        # No cluster is asked: a plugin is found by its name.
        env={"PATH": f"{BIN}:/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def completed(*words: str) -> dict[str, str]:
    """Return what kubectl offers for the last word, and what is said of each."""
    *offered, directive = kubectl("__complete", "vereflow", *words).splitlines()
    assert directive == ":4"
    return dict(each.split("\t", 1) for each in offered)


def test_kubectl_finds_it_and_help_says_how_it_was_called() -> None:
    assert "Usage: kubectl vereflow explain" in kubectl("vereflow", "explain", "--help")


def test_kubectl_completes_every_command_and_says_what_it_does() -> None:
    offered = completed("")

    assert list(offered) == list(COMMANDS)
    assert all(
        COMMANDS[name].startswith(said.removesuffix("...")) for name, said in offered.items()
    )


def test_kubectl_completes_the_options_of_a_command_after_any_words() -> None:
    assert list(completed("explain", "it's", "two words", "--outp")) == ["--output"]
