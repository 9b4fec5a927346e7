"""The pipeline as a chain of calls: the real handlers and codec, one partition, no broker."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from agents import outcome_recorder, policy_applier
from agents.handling import judge
from streams.codec import Poison, decode, encode
from streams.flow import aligner, compiler, gate, router, tracker, writing
from streams.flow.graph_rows import GraphPodRow, RuleRow
from streams.flow.output import (
    FIREWALL_CHANGES,
    GRAPH_EDITS,
    GRAPH_FACTS,
    PATCH_OUTCOMES,
    POD_EVENTS,
    POD_RULES,
    POLICY_PATCHES,
    Outputs,
    Refusal,
    Send,
)
from streams.records.base import Record
from streams.records.cause import Source
from streams.records.facts import FirewallChange, GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.pods import PodEvent
from streams.records.policies import Outcome, PatchOutcome, PodRules, PolicyPatch
from streams.records.rules import Rule
from streams.records.views import PodRef
from tables.catalog import NAMES

CLUSTER, GRAPH, FIREWALL = "local", "main", "10.0.0.1"
PATCHES = f"{POLICY_PATCHES}.{CLUSTER}"
RECORDS: dict[str, type[Any]] = {
    POD_EVENTS: PodEvent,
    FIREWALL_CHANGES: FirewallChange,
    GRAPH_FACTS: GraphFact,
    GRAPH_EDITS: GraphFact,
    POD_RULES: PodRules,
    PATCHES: PolicyPatch,
    PATCH_OUTCOMES: PatchOutcome,
}


class Rows(dict[str, Any]):
    """The rows of one table, and what its changelog was told: how often, and the longest value."""

    def __init__(self) -> None:
        super().__init__()
        self.told = 0
        self.longest = 0

    def __setitem__(self, key: str, row: Record) -> None:
        super().__setitem__(key, row)
        self.told += 1
        self.longest = max(self.longest, len(row.to_bytes()))

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self.told += 1

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a row, if there is one."""
        if key not in self:
            return default[0]
        row = self[key]
        del self[key]
        return row


class Pipeline:
    """Feeds records in, and keeps what came out at the other end.

    ``first`` is the offset, and the stamp, of every first record: with another one, what is written
    may be longer.
    """

    def __init__(self, first: int = 0) -> None:
        self.refusals: list[Refusal] = []
        self.patches: list[PolicyPatch] = []
        self.newest: dict[str, PolicyPatch] = {}
        self.tables = {name: Rows() for name in NAMES}
        self.sent: Counter[str] = Counter()
        self.longest: defaultdict[str, int] = defaultdict(int)
        self._offsets: defaultdict[str, int] = defaultdict(lambda: first)
        self._stamps = first
        tables = self.tables
        graph = self._graph = router.Graph(GRAPH, tables["graph-pods"], tables["graph-rules"])
        tracking = tracker.Tracking(
            CLUSTER, (GRAPH,), frozenset({"default"}), frozenset({FIREWALL})
        )
        checks = gate.Checks(frozenset({GRAPH}), frozenset({FIREWALL}))
        routing = router.Routing(partitions=1, epoch=1, clusters=(CLUSTER,))
        compiling = compiler.Compiling("main", 1, (CLUSTER,))
        aligning = aligner.Aligning(partitions=1, epoch=1, clusters=(CLUSTER,))
        pods, views = tables["pods"], tables["pod-rules"]
        self._handlers: dict[str, Callable[..., Outputs]] = {
            POD_EVENTS: lambda event, key, at: tracker.handle(pods, event, key, at, tracking),
            FIREWALL_CHANGES: lambda said, key, at: gate.handle(said, key, at, checks),
            GRAPH_FACTS: lambda fact, key, at: router.handle(graph, fact, at, routing),
            GRAPH_EDITS: lambda fact, key, at: self._keep(fact, at, aligning),
            POD_RULES: lambda view, key, at: compiler.handle(views, view, key, at, compiling),
            PATCHES: self._apply,
            PATCH_OUTCOMES: lambda told, key, at: outcome_recorder.handle(
                tables["policies"], told, key, at
            ),
        }

    def feed(self, topic: str, value: bytes | None, key: str = "") -> list[Refusal]:
        """Let one raw record run through; return what was refused on the way."""
        before = len(self.refusals)
        record = None if value is None else decode(value, RECORDS[topic])
        self._take(topic, record, key)
        return self.refusals[before:]

    def pod(self, name: str, address: str, uid: str, event: str = "ADDED") -> None:
        """Let the watcher see a pod, alive unless it is the end of it."""
        self._stamps += 1
        seen = PodEvent(
            pod_name=name,
            pod_ip=address,
            event=event,
            namespace="default",
            uid=uid,
            labels={"app": name},
            stamp=Stamp(lease=1, n=self._stamps),
        )
        self._take(POD_EVENTS, seen, f"{CLUSTER}/default/{name}")

    def crowd(self, pods: Iterable[tuple[str, str]], rules: Iterable[dict[str, Any]]) -> None:
        """Have rows as if these pods, by name and address, and rules had come long ago."""
        for name, address in pods:
            ref = PodRef(
                cluster=CLUSTER,
                namespace="default",
                name=name,
                uid=f"uid-{name}",
                address=address,
                labels={"app": name},
                incarnation=0,
            )
            claim = PodClaim(pod=ref, live=True, rev=0)
            self.tables["pods"][ref.key] = tracker.PodRow(pod=ref, live=True, rev=0)
            self.tables["graphs"][f"{GRAPH}|{ref.key}"] = aligner.AlignerRow(claim=claim)
            self._graph.put_pod(ref.key, GraphPodRow(pod=ref, live=True, rev=0))
        for each in rules:
            rule = Rule.model_validate(each)
            row = RuleRow(firewall=FIREWALL, rule=rule)
            self._graph.put_rule(writing.rule_key(FIREWALL, rule, 0), row)

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

    def _keep(self, fact: GraphFact, source: Source, ours: aligner.Aligning) -> Outputs:
        aligner.remember(self.tables["graphs"], fact, source, ours)
        return []

    def _apply(self, patch: PolicyPatch, key: str, source: Source) -> Outputs:
        """Have the cluster take what is wanted at once."""
        if patch.mark is not None:
            return []
        self.patches.append(patch)
        self.newest[key] = patch
        refused = policy_applier.handle(self.tables["wanted"], patch, key, source)
        outcome = Outcome.DELETED if patch.manifest is None else Outcome.APPLIED
        told = PatchOutcome(key=key, outcome=outcome, revision=patch.revision, cause=patch.cause)
        return [*refused, Send(PATCH_OUTCOMES, key, told)]

    def _take(self, topic: str, record: Any, key: str) -> None:
        source = Source(topic=topic, partition=0, offset=self._offsets[topic])
        self._offsets[topic] += 1
        for output in judge(record, key, source, self._handlers[topic]):
            if isinstance(output, Refusal):
                self.refusals.append(output)
                continue
            raw = encode(output.value)
            self.sent[output.topic] += 1
            self.longest[output.topic] = max(self.longest[output.topic], len(raw))
            if output.topic in self._handlers:
                arrived = decode(raw, RECORDS[output.topic])
                assert not isinstance(arrived, Poison)
                self._take(output.topic, arrived, output.key)
