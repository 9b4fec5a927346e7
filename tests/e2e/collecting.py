"""A collector of traces: it takes OTLP over HTTP on loopback, and keeps the spans."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Span = Any


class Collector:
    """What was handed over so far."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        """Take one batch."""
        told = ExportTraceServiceRequest.FromString(await request.read())
        self.headers.append(dict(request.headers))
        self.spans += [
            span
            for each in told.resource_spans
            for scope in each.scope_spans
            for span in scope.spans
        ]
        return web.Response(body=b"", content_type="application/x-protobuf")

    def under(self, parent: Span) -> list[Span]:
        """Return the spans that come after this one."""
        return [each for each in self.spans if each.parent_span_id == parent.span_id]

    def way(self, names: Iterable[str]) -> list[Span]:
        """Return spans of these names, the first of no parent, each later one after the former."""
        first, *rest = names
        ways = [[span] for span in self.spans if span.name == first and not span.parent_span_id]
        for name in rest:
            ways = [
                [*way, span] for way in ways for span in self.under(way[-1]) if span.name == name
            ]
        return ways[0] if ways else []


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Run a collector."""
    collector = Collector()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()
