"""The command line as a process: what a shell, a pipe and a supervisor see of it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Start
from tests.unit.cli.rows import key, patch, pod


async def ended(*arguments: str, **environment: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", *arguments),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.row("G18")
async def test_a_terminal_with_a_small_alphabet_is_no_reason_to_fail(
    start: Start, encoding: str
) -> None:
    why = "the label 標 does not pick it out"
    rows = {"pods": {key("a"): pod("a")}, "wanted": {key("a"): patch("a", unprotected=why)}}
    stub = await start(rows)

    status, out, err = await ended("pods", "--web", stub.url, PYTHONIOENCODING=encoding)

    assert (status, err) == (0, "")
    assert r"the label \u6a19 does not" in out


async def test_a_worker_looks_at_its_state_dir_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")

    status, out, err = await ended("worker", VEREFLOW_STATE_DIR=str(tmp_path / "state"))

    assert (status, out) == (2, "")
    why = "it is not a directory, or a link to nothing"
    assert err == f"vereflow: state_dir {tmp_path / 'state'}: {why}\n"


async def test_a_worker_without_a_broker_ends_and_says_so(tmp_path: Path) -> None:
    status, out, err = await ended("worker", VEREFLOW_STATE_DIR=str(tmp_path / "state"))

    assert (status, out) == (3, "")
    (line,) = err.splitlines()
    assert line.startswith("vereflow: not reachable: broker 127.0.0.1:9: nobody listens")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
