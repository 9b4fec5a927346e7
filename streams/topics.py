"""The pipeline's vocabulary on one screen: every topic, its key, what it carries, how kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.flow.output import (
    BARRIERS,
    DEAD_LETTERS,
    FIREWALL_CHANGES,
    GRAPH_EDITS,
    GRAPH_FACTS,
    PATCH_OUTCOMES,
    POD_EVENTS,
    POD_RULES,
    POLICY_PATCHES,
)
from streams.records.base import Record
from streams.records.facts import FirewallChange, GraphFact
from streams.records.marks import BarrierRequest
from streams.records.pods import PodEvent
from streams.records.policies import DeadLetter, PatchOutcome, PodRules, PolicyPatch
from streams.settings import KafkaSettings, Settings
from streams.topicspec import TopicSpec, changelog

RECORDS: dict[str, type[Record]] = {
    POD_EVENTS: PodEvent,  # key cluster/namespace/pod
    FIREWALL_CHANGES: FirewallChange,  # key graph
    GRAPH_FACTS: GraphFact,  # key graph: every fact of one graph in one order
    GRAPH_EDITS: GraphFact,  # key graph
    POD_RULES: PodRules,  # key cluster/namespace/policy
    POLICY_PATCHES: PolicyPatch,  # key cluster/namespace/policy; one topic per cluster
    PATCH_OUTCOMES: PatchOutcome,  # key cluster/namespace/policy
    DEAD_LETTERS: DeadLetter,  # key topic/partition/offset of the record
    BARRIERS: BarrierRequest,  # one copy in every partition, whatever the key
}


@dataclass(frozen=True)
class Topics:
    """The topics of one app, by the plain names the handlers use."""

    by_name: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.by_name[name]


def names(settings: Settings) -> dict[str, str]:
    """Return plain name → name at the broker."""
    prefix, cluster = settings.kafka.prefix, settings.cluster.name
    plain = [name for name in RECORDS if name != POLICY_PATCHES]
    return {name: prefix + name for name in [*plain, f"{POLICY_PATCHES}.{cluster}"]}


def installation_topic(settings: Settings) -> str:
    """Return the topic in which an installation remembers its epoch."""
    return f"{settings.kafka.prefix}installation"


def specs(settings: Settings, tables: tuple[str, ...]) -> list[TopicSpec]:
    """Return how every topic must be, changelogs included."""
    kafka = settings.kafka
    retention = kafka.retention_hours * 3_600_000
    kept = [
        TopicSpec(name, kafka.partitions, kafka.replication, retention_ms=retention)
        for name in names(settings).values()
    ]
    own = TopicSpec(installation_topic(settings), 1, kafka.replication, compacted=True)
    return [*kept, own, *(_changelog(kafka, table) for table in tables)]


def _changelog(kafka: KafkaSettings, table: str) -> TopicSpec:
    return changelog(kafka.app_id, table, kafka.partitions, kafka.replication)
