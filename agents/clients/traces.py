"""Hand spans over as OTLP, by OpenTelemetry's SDK: in batches, on a thread of its own.

Who hands over may be slow, or away: what does not fit into its queue meanwhile is lost, and
counted. Imported only where traces are wanted.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from agents.tracing import Hop
from streams.traceparent import TraceParent

# Some seconds of a busy worker, in some megabytes.
MOST_WAITING = 8192
BATCH = 512
BATCH_SECONDS = 1.0
# Of one batch, however often it is tried meanwhile.
DEADLINE_SECONDS = 10.0
# What is not handed over by then when a worker ends is lost.
FLUSH_SECONDS = 3.0
LARGEST_ANSWER = 64 << 10

Lost = Callable[[str, int], None]
"""Told why spans were lost, and how many: from any thread."""


class OtlpTraces:
    """Spans of one worker; a trace that others began is followed if they do."""

    def __init__(
        self, exporter: SpanExporter, ratio: float, who: Mapping[str, str], lost: Lost
    ) -> None:
        room = threading.Semaphore(MOST_WAITING)
        self._exporter = exporter
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            resource=Resource.create(who),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(_Admitting(_Counting(exporter, room, lost), room, lost))
        self._tracer = self._provider.get_tracer("vereflow")

    def begin(self, hop: Hop, led: Sequence[TraceParent]) -> OtlpSpan:
        """Begin a span after the last of these, with links to the others; after none, a trace."""
        context = Context()
        if led:
            context = set_span_in_context(NonRecordingSpan(_context(led[-1])), context)
        span = self._tracer.start_span(
            hop.name,
            context=context,
            kind=SpanKind[hop.kind],
            attributes=hop.said,
            links=[Link(_context(each)) for each in led[:-1]],
        )
        return OtlpSpan(span)

    async def close(self, within: float = FLUSH_SECONDS) -> None:
        """Hand over what waits; what takes longer than so many seconds is lost."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, within)
        if ending.is_alive():
            self._exporter.shutdown()


class OtlpSpan:
    """One span, begun."""

    def __init__(self, span: Span) -> None:
        self._span = span
        told = span.get_span_context()
        self.parent: TraceParent | None = None
        """How those name it who follow it; None where the SDK is disabled."""
        if told.is_valid:
            self.parent = TraceParent(told.trace_id, told.span_id, told.trace_flags.sampled)

    def fail(self, why: str) -> None:
        """Say that it went wrong."""
        self._span.set_attribute("error.type", why)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """Say that it is over."""
        self._span.end()


class _Admitting(BatchSpanProcessor):
    """Takes no more spans than wait at once; the SDK would push others out, and count nothing."""

    def __init__(self, exporter: SpanExporter, room: threading.Semaphore, lost: Lost) -> None:
        super().__init__(
            exporter,
            max_queue_size=MOST_WAITING,
            max_export_batch_size=BATCH,
            schedule_delay_millis=BATCH_SECONDS * 1000,
        )
        self._room = room
        self._lost = lost

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span, if there is room."""
        if self._room.acquire(blocking=False):
            super().on_end(span)
        else:
            self._lost("queue-full", 1)


class _Counting(SpanExporter):
    """Hands a batch over, and says what became of it."""

    def __init__(self, exporter: SpanExporter, room: threading.Semaphore, lost: Lost) -> None:
        self._exporter = exporter
        self._room = room
        self._lost = lost

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand one batch over."""
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self._room.release(len(spans))
            if result is not SpanExportResult.SUCCESS:
                self._lost("not-taken", len(spans))
        return result

    def shutdown(self) -> None:
        """Hand over nothing more."""
        self._exporter.shutdown()


def over_http(
    endpoint: str, ca: Path | None, headers: Callable[[], Mapping[str, str]]
) -> SpanExporter:
    """Return what hands spans over to a collector; ``headers`` are asked for each time."""
    session = requests.Session()
    # Else a proxy, or a login of a file, would come from the environment.
    session.trust_env = False
    session.auth = _Shows(headers)
    session.hooks["response"].append(_look_at)
    return OTLPSpanExporter(
        endpoint=f"{endpoint}/v1/traces",
        certificate_file=str(ca) if ca else None,
        timeout=DEADLINE_SECONDS,
        session=session,
    )


class _Shows(requests.auth.AuthBase):
    def __init__(self, headers: Callable[[], Mapping[str, str]]) -> None:
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers())
        return request


def _look_at(response: requests.Response, **_: Any) -> None:
    """Let nobody who answers have us read without end; who leads elsewhere has taken nothing."""
    if len(response.raw.read(LARGEST_ANSWER + 1)) > LARGEST_ANSWER or response.is_redirect:
        response.close()
        raise requests.RequestException("an answer that is no collector's")


def _context(parent: TraceParent) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    return SpanContext(parent.trace_id, parent.span_id, is_remote=True, trace_flags=flags)
