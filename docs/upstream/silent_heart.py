"""The heart stands still while a member opens the tables of its new partitions.

Exit 1: no heartbeat before the listener returns, so whoever is slow is expelled, joins again, opens
again and is expelled again. Exit 0: the heart beats meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

from faust.transport.drivers.aiokafka import ConsumerRebalanceListener

SESSION = 0.2


class Coordinator:
    """The part of aiokafka's coordinator that joins a group: it calls back, then lets beat."""

    generation = 1

    def __init__(self) -> None:
        self.beats = 0
        self._heart: asyncio.Task[None] | None = None

    def _start_heartbeat_task(self) -> None:
        if self._heart is None:
            self._heart = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            self.beats += 1
            await asyncio.sleep(SESSION / 4)

    async def join(self, listener: ConsumerRebalanceListener) -> int:
        """Return how often the heart beat before the member had its partitions."""
        await listener.on_partitions_assigned([])
        before = self.beats
        self._start_heartbeat_task()
        return before


async def main() -> int:
    """Return whether a member that takes two sessions was silent all the time."""
    coordinator = Coordinator()

    async def open_tables(assigned: Any, generation: int) -> None:
        await asyncio.sleep(2 * SESSION)

    thread: Any = SimpleNamespace(
        app=SimpleNamespace(),
        on_partitions_assigned=open_tables,
        _ensure_consumer=lambda: SimpleNamespace(_coordinator=coordinator),
    )

    beats = await coordinator.join(ConsumerRebalanceListener(thread))

    print(f"heartbeats while two sessions passed: {beats}")
    return int(beats == 0)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
