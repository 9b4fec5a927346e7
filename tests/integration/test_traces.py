"""Spans are handed to a collector that may be away, be shown a login, or be somebody else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agents.clients.traces import LARGEST_ANSWER, OtlpTraces
from agents.metrics import Metrics
from agents.tracing import Hop
from deploy.local.ports import free_port
from deploy.tracing import traces_of
from streams.settings import Settings
from streams.settings_traces import TraceSettings
from tests.e2e.acting import until_true

HOP = Hop("send pod-events", "PRODUCER", {"messaging.system": "kafka"})


class Somebody:
    """Answers like this, and remembers who was asked what."""

    def __init__(self, status: int = 200, body: bytes = b"") -> None:
        self._status, self._body = status, body
        self.spans: list[str] = []
        self.logins: list[str] = []
        self.paths: Counter[str] = Counter()

    async def answer(self, request: web.Request) -> web.Response:
        self.paths[request.path] += 1
        self.logins.append(request.headers.get("Authorization", ""))
        told = ExportTraceServiceRequest.FromString(await request.read())
        for each in told.resource_spans:
            self.spans += [span.name for scope in each.scope_spans for span in scope.spans]
        return web.Response(
            status=self._status, body=self._body, headers={"Location": "/elsewhere"}
        )

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/{path:.*}", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def traces_to(endpoint: str, metrics: Metrics, headers_file: Path | None = None) -> OtlpTraces:
    told = TraceSettings(endpoint=endpoint, headers_file=headers_file)
    traces = traces_of(Settings(traces=told), metrics)
    assert traces is not None
    return traces


def lost(metrics: Metrics) -> str:
    return "\n".join(
        line
        for line in metrics.text().decode().splitlines()
        if line.startswith("vereflow_spans_lost_total")
    )


async def counted(metrics: Metrics) -> bool:
    return bool(lost(metrics))


@pytest.mark.threat("T5")
async def test_a_collector_is_shown_what_the_file_holds_by_then(tmp_path: Path) -> None:
    file, metrics, collector = tmp_path / "headers", Metrics(), Somebody()
    file.write_text("Authorization: Bearer old\n")
    async with collector.listening() as url:
        traces = traces_to(url, metrics, file)
        traces.begin(HOP, ()).end()
        file.write_text("Authorization: Bearer new\n")
        await traces.close()

    assert collector.spans == [HOP.name]
    assert collector.logins == ["Bearer new"]
    assert collector.paths == {"/v1/traces": 1}
    assert lost(metrics) == ""


@pytest.mark.threat("T10")
@pytest.mark.parametrize(
    "somebody", [Somebody(302), Somebody(200, b"x" * (LARGEST_ANSWER + 1)), Somebody(401)]
)
async def test_who_leads_elsewhere_or_talks_without_end_has_taken_nothing(
    somebody: Somebody,
) -> None:
    metrics = Metrics()
    async with somebody.listening() as url:
        traces = traces_to(url, metrics)
        traces.begin(HOP, ()).end()
        await traces.close()

    assert set(somebody.paths) == {"/v1/traces"}
    assert lost(metrics) == 'vereflow_spans_lost_total{why="not-taken"} 1.0'


async def test_a_collector_that_is_away_holds_nobody_up() -> None:
    metrics = Metrics()
    traces = traces_to(f"http://127.0.0.1:{free_port()}", metrics)
    traces.begin(HOP, ()).end()

    await asyncio.wait_for(traces.close(within=0.5), 10)

    await until_true(lambda: counted(metrics), within=10)
    assert lost(metrics) == 'vereflow_spans_lost_total{why="not-taken"} 1.0'
