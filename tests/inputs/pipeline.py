"""The pipeline as a chain of calls: the real handlers and codec, one partition, no broker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from agents.handling import judge
from streams.codec import Poison, decode, encode
from streams.flow import compiler, gate, router, tracker
from streams.flow.output import (
    FIREWALL_CHANGES,
    GRAPH_FACTS,
    POD_EVENTS,
    POD_RULES,
    Outputs,
    Refusal,
)
from streams.records.cause import Source
from streams.records.facts import FirewallChange, GraphFact
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.pods import PodEvent
from streams.records.policies import PodRules, PolicyPatch

CLUSTER, GRAPH, FIREWALL = "local", "main", "10.0.0.1"
RECORDS: dict[str, type[Any]] = {
    POD_EVENTS: PodEvent,
    FIREWALL_CHANGES: FirewallChange,
    GRAPH_FACTS: GraphFact,
    POD_RULES: PodRules,
}


class Pipeline:
    """Feeds records in, and keeps what came out at the other end."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self.patches: list[PolicyPatch] = []
        self.newest: dict[str, PolicyPatch] = {}
        self._offsets: defaultdict[str, int] = defaultdict(int)
        self._stamps = 0
        pods: dict[str, tracker.PodRow] = {}
        rules: dict[str, compiler.PodRulesRow] = {}
        graph = router.Graph(GRAPH, {}, {})
        tracking = tracker.Tracking(
            CLUSTER, (GRAPH,), frozenset({"default"}), frozenset({FIREWALL})
        )
        checks = gate.Checks(frozenset({GRAPH}), frozenset({FIREWALL}))
        routing = router.Routing(partitions=1, epoch=1, clusters=(CLUSTER,))
        compiling = compiler.Compiling("main", 1, (CLUSTER,))
        self._handlers: dict[str, Callable[..., Outputs]] = {
            POD_EVENTS: lambda event, key, at: tracker.handle(pods, event, key, at, tracking),
            FIREWALL_CHANGES: lambda said, key, at: gate.handle(said, key, at, checks),
            GRAPH_FACTS: lambda fact, key, at: router.handle(graph, fact, at, routing),
            POD_RULES: lambda view, key, at: compiler.handle(rules, view, key, at, compiling),
        }

    def feed(self, topic: str, value: bytes | None, key: str = "") -> list[Refusal]:
        """Let one raw record run through; return what was refused on the way."""
        before = len(self.refusals)
        record = None if value is None else decode(value, RECORDS[topic])
        self._take(topic, record, key)
        return self.refusals[before:]

    def pod(self, name: str, address: str, uid: str) -> None:
        """Let the watcher see a living pod."""
        self._stamps += 1
        event = PodEvent(
            pod_name=name,
            pod_ip=address,
            event="ADDED",
            namespace="default",
            uid=uid,
            labels={"app": name},
            stamp=Stamp(lease=1, n=self._stamps),
        )
        self._take(POD_EVENTS, event, f"{CLUSTER}/default/{name}")

    def begin(self) -> None:
        """Say that everything was listed and read once."""
        self._stamps += 1
        stamp = Stamp(lease=1, n=0)
        listed = {"id": "listing", "cluster": CLUSTER, "epoch": 1, "started": stamp}
        kinds = (MarkKind.LIST_STARTED, MarkKind.LIST_COMPLETE)
        for kind in kinds:
            self._take(POD_EVENTS, PodEvent(mark=Mark(kind=kind, stamp=stamp, **listed)), "mark")
        read = Mark(kind=MarkKind.FIREWALLS_READ, id="read", graph=GRAPH, epoch=1)
        self._take(FIREWALL_CHANGES, FirewallChange(graph=GRAPH, mark=read), GRAPH)

    def policies(self) -> list[dict[str, Any]]:
        """Return the manifests that the cluster should hold now."""
        return [patch.manifest for patch in self.newest.values() if patch.manifest is not None]

    def _take(self, topic: str, record: Any, key: str) -> None:
        source = Source(topic=topic, partition=0, offset=self._offsets[topic])
        self._offsets[topic] += 1
        for output in judge(record, key, source, self._handlers[topic]):
            if isinstance(output, Refusal):
                self.refusals.append(output)
            elif isinstance(output.value, PolicyPatch):
                if output.value.mark is None:
                    self.patches.append(output.value)
                    self.newest[output.key] = output.value
            elif output.topic in self._handlers:
                arrived = decode(encode(output.value), RECORDS[output.topic])
                assert not isinstance(arrived, Poison)
                self._take(output.topic, arrived, output.key)
