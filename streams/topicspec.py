"""What a topic must be like before anybody writes to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TopicSpec:
    """A topic as it is to be created: compacted topics keep the newest value of a key for ever."""

    name: str
    partitions: int
    replication: int
    compacted: bool = False
    retention_ms: int | None = None

    def __post_init__(self) -> None:
        if self.compacted and self.retention_ms is not None:
            # Recovery from a changelog whose end was deleted by time is undefined in Faust.
            raise ValueError(f"{self.name}: a compacted topic has no retention")

    @property
    def configs(self) -> dict[str, str]:
        """The topic's settings, in Kafka's words."""
        # Packed, a thousand times what a broker takes would fit into what it takes.
        configs = {"compression.type": "uncompressed"}
        if self.replication > 2:
            # What one broker alone acknowledged goes with it.
            configs["min.insync.replicas"] = str(self.replication - 1)
        if self.compacted:
            return configs | {"cleanup.policy": "compact"}
        # One clock for all that is kept for a while: a replay ends at a time.
        configs |= {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"}
        if self.retention_ms is not None:
            configs["retention.ms"] = str(self.retention_ms)
        return configs


def changelog(app_id: str, table: str, partitions: int, replication: int) -> TopicSpec:
    """Return the topic behind a table, under the name Faust looks for."""
    return TopicSpec(f"{app_id}-{table}-changelog", partitions, replication, compacted=True)
