"""A fetch is answered after its partition was paused and sought: its records are dropped for good.

Exit 1: the position stays behind the dropped records. Exit 0: it went back before them.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

STREAM, OTHER = TP("stream", 0), TP("other", 0)
COMMITTED = 1506


class Fetcher:
    """A fetcher with four records of one partition, and its position."""

    _closed = False

    def __init__(self, pause: Any) -> None:
        self._subscriptions = SimpleNamespace(fetch_context=nullcontext)
        self._pause = pause
        self.position = 1500

    def seek_to(self, tp: TP, offset: int) -> None:
        """Move the position, as aiokafka's Fetcher does."""
        self.position = offset

    async def fetched_records(self, partitions: set[TP], **_: Any) -> dict[TP, list[Any]]:
        """Wait for a rebalance, during which recovery pauses and seeks; return the records."""
        self._pause()
        self.seek_to(STREAM, COMMITTED)
        first, self.position = self.position, self.position + 4
        return {STREAM: [SimpleNamespace(offset=n) for n in range(first, self.position)]}


async def main() -> int:
    """Fetch while a rebalance begins and ends; return whether records were passed over."""
    active = {STREAM, OTHER}
    fetcher = Fetcher(lambda: active.discard(STREAM))
    consumer: Any = SimpleNamespace(
        flow_active=True,
        _active_partitions=active,
        _get_active_partitions=lambda: active,
        _buffered_partitions=set(),
    )
    consumer.takes = lambda tp: Consumer.takes(consumer, tp)  # type: ignore[attr-defined]
    thread: Any = SimpleNamespace(consumer=consumer)
    broker = SimpleNamespace(_fetcher=fetcher, _closed=False)
    fetch_records: Any = AIOKafkaConsumerThread._fetch_records

    records = await fetch_records(thread, broker, set(active))

    # What Consumer.getmany hands on.
    handed_on = [tp for tp in records if tp in active]
    print(f"committed {COMMITTED}, handed on {len(handed_on)}, position {fetcher.position}")
    return int(fetcher.position != COMMITTED)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
