"""A seek to the committed offsets leaves partitions alone for which nothing is committed yet.

Exit 1: such a partition stays behind records that were fetched and dropped. Exit 0: it goes back.
"""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP

CHANGELOG, FRESH, COMMITTED = TP("changelog", 0), TP("stream", 0), TP("stream", 1)


class Thread:
    """A consumer thread that remembers positions."""

    def __init__(self) -> None:
        # Up to here was fetched while the flow was stopped, and so dropped.
        self.positions = {CHANGELOG: 3, FRESH: 135, COMMITTED: 135}

    async def seek_to_committed(self) -> dict[TP, int | None]:
        """Seek as aiokafka does: where something is committed."""
        self.positions[COMMITTED] = 100
        return {CHANGELOG: None, FRESH: None, COMMITTED: 100}

    async def seek_to_beginning(self, *partitions: TP) -> None:
        """Seek to the first record."""
        self.positions |= {TP(*tp): 0 for tp in partitions}


async def main() -> int:
    """Return whether a partition without a committed offset is left where it was."""
    consumer: Any = Consumer.__new__(Consumer)
    consumer.app = SimpleNamespace(tables=SimpleNamespace(changelog_topics={"changelog"}))
    consumer._thread = Thread()
    consumer._read_offset, consumer._committed_offset = {}, {}

    await consumer.perform_seek()

    print(f"positions: {consumer._thread.positions}")
    return int(consumer._thread.positions != {CHANGELOG: 3, FRESH: 0, COMMITTED: 100})


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
