"""Stubs of workers' web servers, and the command line run against them in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from deploy.cli import app
from tests.integration.cli.stub import Rows, Stub

Vereflow = Callable[..., Awaitable[Result]]
Start = Callable[..., Awaitable[Stub]]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("VEREFLOW_"):
            monkeypatch.delenv(name)
    # Nobody listens there: nothing but the stubs may answer.
    monkeypatch.setenv("VEREFLOW_KAFKA__BROKER", "127.0.0.1:9")


@pytest.fixture
def vereflow() -> Vereflow:
    """Run the command line beside the stubs; an exception that leaves it fails the test."""

    async def run(*arguments: str, **environment: str) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke, app, arguments, env=environment, catch_exceptions=False
        )

    return run


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a stub; it ends with the test."""
    async with AsyncExitStack() as stack:

        async def begin(rows: Rows | None = None, **said: Any) -> Stub:
            return await stack.enter_async_context(Stub(rows, **said))

        yield begin
