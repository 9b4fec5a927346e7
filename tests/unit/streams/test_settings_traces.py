"""Traces go nowhere unless told, and not in the clear to another machine by accident."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from streams.settings import Settings
from streams.settings_traces import TraceSettings

FILE = Path("/run/headers")


def test_off_is_the_default() -> None:
    assert Settings().traces.endpoint == ""
    assert TraceSettings(endpoint="") == TraceSettings()


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:4318/", "http://[::1]:4318", "https://collector.example/otlp"]
)
def test_a_login_goes_where_nobody_listens(endpoint: str) -> None:
    assert TraceSettings(endpoint=endpoint, headers_file=FILE).endpoint == endpoint.rstrip("/")


@pytest.mark.threat("T5", "T10")
def test_plain_http_leaves_this_machine_only_when_that_is_said_and_with_no_login() -> None:
    there = "http://collector.example:4318"

    with pytest.raises(ValidationError, match="allow_remote_http"):
        TraceSettings(endpoint=there)
    assert TraceSettings(endpoint=there, allow_remote_http=True).endpoint == there
    with pytest.raises(ValidationError, match="in the clear"):
        TraceSettings(endpoint=there, allow_remote_http=True, headers_file=FILE)


@pytest.mark.parametrize(
    "endpoint", ["http://u:p4ss@h", "grpc://h:4317", "h:4318", "http://h/?a=b"]
)
def test_what_is_no_base_url_is_refused_and_not_repeated(endpoint: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings(traces=TraceSettings(endpoint=endpoint))

    assert "p4ss" not in refusal.value.errors()[0]["msg"]


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_ratio_is_a_part_of_all(ratio: float) -> None:
    with pytest.raises(ValidationError):
        TraceSettings(ratio=ratio)
