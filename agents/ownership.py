"""Which partitions are this worker's right now: none while they move or recover."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiokafka.partitioner import murmur2


def partition_of(key: str, partitions: int) -> int:
    """Return where Kafka's default partitioner puts a key."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


def owned_partitions(app: Any, topic: str) -> Callable[[], frozenset[int]]:
    """Return a function that tells which partitions of a topic are ours at this moment."""

    seen: object = None
    mine: frozenset[int] = frozenset()

    def owned() -> frozenset[int]:
        nonlocal seen, mine
        if app.rebalancing or not app.tables.actives_ready or app.should_stop:
            return frozenset()
        assigned = app.consumer.assigned()
        if assigned is not seen:
            # Asked before every write; the set is another one after each assignment only.
            seen = assigned
            mine = frozenset(tp.partition for tp in assigned if tp.topic == topic)
        return mine

    return owned


def when_moved(app: Any, forget: Callable[[], None]) -> None:
    """Have what is kept in memory forgotten whenever partitions move: others may write the rows."""

    async def on_moved(*_: Any, **__: Any) -> None:
        forget()

    app.on_partitions_revoked.connect(on_moved, weak=False)
    app.on_partitions_assigned.connect(on_moved, weak=False)
