"""A fetch under way is handed the live set of active partitions, and aiokafka takes {} for all.

Exit 1: a fetch asked for partitions that were never active. Exit 0: it did not.
"""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

from faust.transport.consumer import Consumer
from faust.types import TP

CHANGELOG, STREAM = TP("changelog", 0), TP("stream", 0)


async def main() -> int:
    """Pause the last active partition while a fetch waits; return whether it takes others."""
    active = {CHANGELOG}

    async def getmany(active_partitions: set[TP], timeout: float) -> dict[TP, list[Any]]:  # noqa: ASYNC109
        # Recovery is done meanwhile, and pauses the changelogs.
        active.difference_update({CHANGELOG})
        # As aiokafka's Fetcher.fetched_records chooses.
        asked = active_partitions or {CHANGELOG, STREAM}
        return {tp: ["record"] for tp in asked}

    event = SimpleNamespace(set=lambda: None)
    consumer: Any = SimpleNamespace(
        flow_active=True,
        app=SimpleNamespace(client_only=False),
        client_only=False,
        not_waiting_next_records=event,
        _get_active_partitions=lambda: active,
        _getmany=getmany,
    )
    wait_next_records: Any = Consumer._wait_next_records

    records, _ = await wait_next_records(consumer, 1.0)

    print(f"asked for the changelog, given {sorted(tp.topic for tp in records)}")
    return int(STREAM in records)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
