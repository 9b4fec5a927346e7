"""The pipeline's vocabulary on one screen: every topic, its key, what it carries, how kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from streams.flow.framing import KeyFrame
from streams.flow.output import (
    BARRIERS,
    DEAD_LETTERS,
    FIREWALL_CHANGES,
    GRAPH_EDITS,
    GRAPH_FACTS,
    IDENTITY_FACTS,
    KEY_FRAMES,
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
from streams.settings import Settings
from streams.settings_kafka import KafkaSettings
from streams.topicspec import TopicSpec, changelog


class Carried(NamedTuple):
    """What a topic carries, and under which key."""

    record: type[Record]
    key: str
    what: str


_POLICY = "cluster/namespace/policy"
VOCABULARY = {
    POD_EVENTS: Carried(
        PodEvent,
        "cluster/namespace/pod",
        "What happens to pods and to the Services before them; others may send five fields.",
    ),
    FIREWALL_CHANGES: Carried(
        FirewallChange, "graph", "What firewalls say; rules may be sent here by hand."
    ),
    IDENTITY_FACTS: Carried(
        GraphFact,
        "graph",
        "What pods claim, before it is known for which identity; not where nodes are pods.",
    ),
    GRAPH_FACTS: Carried(
        GraphFact, "graph", "Every fact of one graph, pods and rules, in one order."
    ),
    GRAPH_EDITS: Carried(
        GraphFact, "graph", "What a graph's keeper must know: a slow Verefoo holds up nobody else."
    ),
    KEY_FRAMES: Carried(
        KeyFrame, "graph", "Now and then all that a graph knows: where a replay may begin."
    ),
    POD_RULES: Carried(PodRules, _POLICY, "The whole view of each pod that a fact concerns."),
    POLICY_PATCHES: Carried(
        PolicyPatch, _POLICY, "What the cluster should hold; one topic for each cluster."
    ),
    PATCH_OUTCOMES: Carried(
        PatchOutcome, _POLICY, "What came of each patch, and the barriers that came through."
    ),
    DEAD_LETTERS: Carried(
        DeadLetter,
        "topic/partition/offset",
        "What could not be handled, under the key of where it lay.",
    ),
    BARRIERS: Carried(
        BarrierRequest,
        "any: one copy in every partition",
        "Who waits until everything said has had its effect.",
    ),
}


@dataclass(frozen=True)
class Topics:
    """The topics of one app, by the plain names the handlers use."""

    by_name: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.by_name[name]


# What the part at a cluster reads and writes, beside the patches for its own cluster.
AT_A_CLUSTER = (POD_EVENTS, PATCH_OUTCOMES, DEAD_LETTERS, BARRIERS)


def names(settings: Settings) -> dict[str, str]:
    """Return plain name → name at the broker, of what this part reads or writes."""
    absent = {POLICY_PATCHES, *([IDENTITY_FACTS] if settings.cluster.identity == "pod" else ())}
    plain = [name for name in VOCABULARY if name not in absent]
    clusters = settings.clusters
    if settings.part == "cluster":
        plain, clusters = [name for name in plain if name in AT_A_CLUSTER], (settings.cluster.name,)
    patches = [f"{POLICY_PATCHES}.{cluster}" for cluster in clusters]
    return {name: settings.kafka.prefix + name for name in [*plain, *patches]}


def installation_topic(settings: Settings) -> str:
    """Return the topic in which an installation remembers its epoch."""
    return f"{settings.kafka.prefix}installation"


def specs(settings: Settings, tables: tuple[str, ...]) -> list[TopicSpec]:
    """Return how every topic must be, changelogs included."""
    kafka = settings.kafka
    kept = [
        TopicSpec(name, kafka.partitions, kafka.replication, retention_ms=_retention(kafka, plain))
        for plain, name in names(settings).items()
    ]
    own = TopicSpec(installation_topic(settings), 1, kafka.replication, compacted=True)
    return [*kept, own, *(rows(settings, table) for table in tables)]


def rows(settings: Settings, table: str) -> TopicSpec:
    """Return how the topic must be in which the rows of one of our tables are kept."""
    kafka = settings.kafka
    return changelog(settings.app_id, table, kafka.partitions, kafka.replication)


def _retention(kafka: KafkaSettings, topic: str) -> int:
    # The oldest fact that is kept is of use only with a frame from before it.
    frames = 2 * kafka.frame_minutes if topic == KEY_FRAMES else 0
    return kafka.retention_hours * 3_600_000 + frames * 60_000
