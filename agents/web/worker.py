"""What the Faust app knows of itself, as one plain value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

Offsets = dict[str, dict[int, int]]


@dataclass(frozen=True)
class WorkerState:
    """A worker at one moment; offsets are of the topics that agents read."""

    stopping: bool = False
    rebalancing: bool = False
    rebalances: int = 0
    recovering: bool = False
    tables_ready: bool = False
    to_recover: int = 0
    assigned: dict[str, list[int]] = field(default_factory=dict)
    committed: Offsets = field(default_factory=dict)
    lag: Offsets = field(default_factory=dict)
    handling: Offsets = field(default_factory=dict)
    """The oldest record of each partition that an agent has in hand."""
    handled: Offsets = field(default_factory=dict)
    """Where the partitions stand whose handled records await their commit."""
    silence: float = 0.0
    """For how many seconds the broker has answered nothing."""

    def sizes(self) -> dict[str, int]:
        """Return how many partitions of each topic are assigned."""
        return {topic: len(partitions) for topic, partitions in self.assigned.items()}

    def lag_by_topic(self) -> dict[str, int]:
        """Return how many records of each topic wait."""
        return {topic: sum(behind.values()) for topic, behind in self.lag.items()}


def look_at(app: Any) -> WorkerState:
    """Return the state of the app now."""
    consumer = app.consumer
    recovery = app.tables.recovery
    streams = _streams(app)
    committed = {
        tp: offset for tp in streams if (offset := consumer._committed_offset.get(tp)) is not None
    }
    return WorkerState(
        stopping=app.should_stop or app.crashed,
        rebalancing=app.rebalancing,
        rebalances=app.rebalancing_count,
        recovering=app.in_recovery,
        tables_ready=app.tables.actives_ready,
        to_recover=sum(recovery.active_remaining().values()),
        assigned=_lists(streams),
        committed=_nest(committed),
        lag=_nest(_lag(consumer, streams, committed)),
        handling=_nest(_oldest(consumer, streams)),
        handled=_nest({tp: committed.get(tp, -1) for tp in streams if consumer._acked.get(tp)}),
        silence=consumer.silence,
    )


def _streams(app: Any) -> list[Any]:
    changelogs = app.tables.changelog_topics
    return sorted(tp for tp in app.assignor.assigned_actives() if tp.topic not in changelogs)


def _lists(streams: Iterable[Any]) -> dict[str, list[int]]:
    assigned: dict[str, list[int]] = {}
    for tp in streams:
        assigned.setdefault(tp.topic, []).append(tp.partition)
    return assigned


def _nest(offsets: dict[Any, int]) -> Offsets:
    nested: Offsets = {}
    for tp, offset in offsets.items():
        nested.setdefault(tp.topic, {})[tp.partition] = offset
    return nested


def _lag(consumer: Any, streams: Iterable[Any], committed: dict[Any, int]) -> dict[Any, int]:
    lag: Counter[Any] = Counter()
    for tp in streams:
        known = tp in committed or consumer._read_offset.get(tp) is not None
        # Asked while partitions move, the client knows some of them no more.
        with suppress(Exception):
            end = consumer.highwater(tp)
            if known and end is not None:
                lag[tp] = max(0, end - committed.get(tp, 0))
    return lag


def _oldest(consumer: Any, streams: Iterable[Any]) -> dict[Any, int]:
    ours = set(streams)
    oldest: dict[Any, int] = {}
    for message in list(consumer.unacked):
        tp = message.tp
        if tp in ours and not message.acked:
            oldest[tp] = min(message.offset, oldest.get(tp, message.offset))
    return oldest
