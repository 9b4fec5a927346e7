"""Traces are off unless set, and then no login of theirs is in a message."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from agents.metrics import Metrics
from deploy.secret_files import NoLogin
from deploy.tracing import _headers, traces_of
from streams.settings import Settings
from streams.settings_traces import TraceSettings

SECRET = "c2VjcmV0"
ENDPOINT = "https://collector.example:4318"


def told(**traces: object) -> Settings:
    return Settings(traces=TraceSettings(**traces))


def test_off_there_are_none() -> None:
    assert traces_of(told(), Metrics()) is None


def test_off_nothing_of_opentelemetry_is_loaded() -> None:
    look = (
        "import sys, deploy.worker\nsys.exit(any('opentelemetry' in name for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", look], timeout=300).returncode == 0


def test_on_they_can_be_ended_at_once() -> None:
    traces = traces_of(told(endpoint=ENDPOINT), Metrics())

    assert traces is not None
    asyncio.run(asyncio.wait_for(traces.close(), 5))


def test_a_login_is_read_line_by_line_and_anew(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text(f"Authorization: Bearer {SECRET}\nX-Scope: a b \n")

    assert _headers(file) == {"Authorization": f"Bearer {SECRET}", "X-Scope": "a b"}
    file.write_text("X-Scope:other\n")
    assert _headers(file) == {"X-Scope": "other"}
    assert _headers(None) == {}


@pytest.mark.threat("T5")
@pytest.mark.parametrize(
    "content",
    [
        SECRET,
        f"{SECRET}: ",
        f"A: {SECRET}\n\nB: c",
        f"A b: {SECRET}",
        f"A: {SECRET}é",
        "",
        "A: \x00",
    ],
)
def test_what_is_no_login_is_refused_when_a_worker_starts_and_not_repeated(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "headers"
    file.write_text(content)

    with pytest.raises(NoLogin) as refusal:
        traces_of(told(endpoint=ENDPOINT, headers_file=file), Metrics())

    assert SECRET not in str(refusal.value)
    assert "traces.headers_file" in str(refusal.value)


def test_an_authority_that_is_none_is_refused_when_a_worker_starts(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("none")

    with pytest.raises(NoLogin, match=r"traces\.ca"):
        traces_of(told(endpoint=ENDPOINT, ca=file), Metrics())
