"""Spans are handed over beside everybody's work: what cannot be is lost, and counted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from agents.clients import traces as clients_traces
from agents.clients.traces import MOST_WAITING
from agents.tracing import Hop
from tests.unit.agents.traced import Traced


class Stuck(SpanExporter):
    """Takes nothing until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.ended = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.go_on.wait()
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.ended.set()


@asynccontextmanager
async def stuck() -> AsyncIterator[tuple[Stuck, Traced]]:
    exporter = Stuck()
    try:
        yield exporter, Traced(exporter)
    finally:
        exporter.go_on.set()


def make(traced: Traced, spans: int) -> None:
    for _ in range(spans):
        traced.traces.begin(Hop("x", "INTERNAL", {}), ()).end()


async def test_whoever_takes_nothing_holds_nobody_up_and_what_is_lost_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients_traces, "MOST_WAITING", 1000)
    monkeypatch.setattr(clients_traces, "BATCH", 100)
    async with stuck() as (exporter, traced):
        make(traced, 1500)
        assert traced.lost == {"queue-full": 500}

        exporter.go_on.set()
        await traced.traces.close()
        assert traced.lost == {"queue-full": 500, "not-taken": 1000}
    assert MOST_WAITING > 1000


async def test_a_stop_waits_for_so_long_and_no_longer() -> None:
    async with stuck() as (exporter, traced):
        make(traced, 10)
        began = time.monotonic()

        await asyncio.wait_for(traced.traces.close(within=0.2), 5)

        assert time.monotonic() - began < 3
        assert exporter.ended.is_set()
