"""A process dies at the step that was asked for, that many times reached, and otherwise never."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from streams.failpoint import STEPS, VARIABLE, passing

CODE = "from streams.failpoint import passing\nfor n in range(5): passing('sent'); print(n)"


def run(told: str) -> tuple[int, str]:
    environment = {**os.environ, VARIABLE: told}
    ended = subprocess.run(
        [sys.executable, "-u", "-c", CODE], env=environment, capture_output=True, check=False
    )
    return ended.returncode, ended.stdout.decode()


def test_it_dies_at_the_third_time() -> None:
    assert run("sent:3") == (-signal.SIGKILL, "0\n1\n")


def test_another_step_is_passed() -> None:
    assert run("stored:1") == (0, "0\n1\n2\n3\n4\n")


@pytest.mark.parametrize("told", ["sent", "sent:", "sent:x", "nowhere:1", ":"])
def test_what_cannot_be_meant_is_refused_at_once(told: str) -> None:
    status, said = run(told)

    assert (status, said) == (1, "")


def test_without_the_variable_nothing_happens() -> None:
    for step in STEPS:
        passing(step)
