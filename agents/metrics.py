"""What the hands count: one set of Prometheus metrics per app, every label bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

# Every value of a label is a time series for ever, and reasons may one day come from outside.
MAX_VALUES = 50
OTHER = "other"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Words:
    """The values one label may take: the first so many that are plain words, then ``other``."""

    def __init__(self, limit: int = MAX_VALUES) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def __call__(self, text: str) -> str:
        """Return the text as a label value."""
        if text in self._known:
            return text
        if len(self._known) >= self._limit or _WORD.fullmatch(text) is None:
            return OTHER
        self._known.add(text)
        return text


class Metrics:
    """The metrics of one app, in a registry of its own: two apps in a process do not collide."""

    def __init__(self) -> None:
        self.pulse = 0
        """How often something was handled, buried or told: what is shown may be different now."""
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._records = Counter(
            "vereflow_records_handled", "Records handled.", ["topic"], registry=registry
        )
        self._letters = Counter(
            "vereflow_dead_letters", "Records buried.", ["reason"], registry=registry
        )
        self._outcomes = Counter(
            "vereflow_outcomes", "What came of patches.", ["outcome"], registry=registry
        )
        self._inexact = Counter(
            "vereflow_inexact", "Rules no policy says exactly.", ["reason"], registry=registry
        )
        self._compiled = Counter(
            "vereflow_policies_compiled",
            "Views of pods taken for their policies.",
            registry=registry,
        )
        self._applied = Histogram(
            "vereflow_applied_seconds",
            "From the cause of a policy to its being applied.",
            buckets=SECONDS,
            registry=registry,
        )
        self._refused = Counter(
            "vereflow_logins_refused", "Who was not let in.", ["reason"], registry=registry
        )
        self._ready = Gauge("vereflow_ready", "Whether /readyz says 200.", registry=registry)
        self._pending = Gauge(
            "vereflow_pending_policies", "Policies not yet as wanted.", registry=registry
        )
        self._aligned = Gauge(
            "vereflow_graph_aligned", "Whether a graph is as wanted.", ["graph"], registry=registry
        )
        self._assigned = Gauge(
            "vereflow_assigned_partitions", "Partitions held here.", ["topic"], registry=registry
        )
        self._lag = Gauge(
            "vereflow_consumer_lag", "Records not committed yet.", ["topic"], registry=registry
        )
        self._spans = Counter(
            "vereflow_spans_lost", "Spans of traces lost on their way.", ["why"], registry=registry
        )
        self._sources, self._reasons, self._kinds = Words(), Words(), Words()
        self._flaws, self._graphs, self._topics = Words(), Words(), Words()

    def handled(self, topic: str) -> None:
        """Count a record that an agent took to its end."""
        self.pulse += 1
        self._records.labels(self._sources(topic)).inc()

    def buried(self, reason: str) -> None:
        """Count a dead letter."""
        self.pulse += 1
        self._letters.labels(self._reasons(reason)).inc()

    def outcome(self, kind: str) -> None:
        """Count what came of a patch."""
        self._outcomes.labels(self._kinds(kind)).inc()

    def inexact(self, reason: str) -> None:
        """Count a rule, or a part of one, that its policy does not say exactly."""
        self._inexact.labels(self._flaws(reason)).inc()

    def compiled(self) -> None:
        """Count a view for which a policy is computed, whatever it means."""
        self._compiled.inc()

    def spans_lost(self, why: str, spans: int) -> None:
        """Count spans that nobody will see, and why: `queue-full` or `not-taken`."""
        self._spans.labels(why).inc(spans)

    def applied(self, seconds: float) -> None:
        """Observe how long a policy took from its cause; clocks may differ, so never below 0."""
        self._applied.observe(max(0.0, seconds))

    def refused(self, reason: str) -> None:
        """Count somebody who was not let in: a wrong token, a session that is none, and so on."""
        self._refused.labels(reason).inc()

    def ready(self, is_ready: bool) -> None:
        """Say whether this worker is ready."""
        self._ready.set(is_ready)

    def pending(self, policies: int) -> None:
        """Say how many policies are not yet as wanted."""
        self._pending.set(policies)

    def aligned(self, graph: str, is_aligned: bool) -> None:
        """Say whether a graph is as wanted."""
        self._aligned.labels(self._graphs(graph)).set(is_aligned)

    def assigned(self, partitions: Mapping[str, int]) -> None:
        """Say how many partitions of each topic are held here, and of no other topic any."""
        self._replace(self._assigned, partitions)

    def lag(self, records: Mapping[str, int]) -> None:
        """Say how many records of each topic wait, where that is known."""
        self._replace(self._lag, records)

    def _replace(self, gauge: Gauge, by_topic: Mapping[str, int]) -> None:
        # A topic that went to another worker must not keep its last figure here.
        gauge.clear()
        for topic, number in by_topic.items():
            gauge.labels(self._topics(topic)).set(number)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
