"""Traces whose spans stay here."""

from __future__ import annotations

from collections import Counter

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agents.clients.traces import OtlpTraces


class Traced:
    """Traces of one process, and what became of their spans."""

    def __init__(self, exporter: SpanExporter | None = None, ratio: float = 1.0) -> None:
        self._memory = InMemorySpanExporter()
        self.lost: Counter[str] = Counter()
        self.traces = OtlpTraces(exporter or self._memory, ratio, {}, self._lose)

    def _lose(self, why: str, spans: int) -> None:
        self.lost[why] += spans

    async def spans(self) -> list[ReadableSpan]:
        """Return all spans in the order in which they began; there are no others later."""
        await self.traces.close()
        return sorted(self._memory.get_finished_spans(), key=lambda span: span.start_time or 0)
