"""The command line in this process, in an environment without settings."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from click.testing import Result
from typer.testing import CliRunner

from deploy.cli import app

Invoke = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("VEREFLOW_"):
            monkeypatch.delenv(name)


@pytest.fixture
def invoke() -> Invoke:
    """Run the command line; an exception that leaves it fails the test."""

    def run(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(app, arguments, env=environment, catch_exceptions=False)

    return run
