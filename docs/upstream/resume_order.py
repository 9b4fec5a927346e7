"""What is fetched while a worker resumes: recovery opens the fetch, seeks, and empties the queues.

Exit 1: a record was lost. Exit 0: none was.
"""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

from faust.tables.recovery import Recovery
from mode.utils.queues import FlowControlEvent, FlowControlQueue


async def nothing(*_: Any) -> None:
    """Stand for what does not matter here."""


async def main() -> int:
    """Return how many records were fetched and never delivered."""
    flow = FlowControlEvent()
    queue: FlowControlQueue = FlowControlQueue(flow_control=flow, clear_on_resume=True)
    is_open: list[bool] = []
    fetched: list[str] = []

    def fetch() -> None:
        if is_open:
            # Nobody fetches it again: the position has moved.
            fetched.append("record")
            queue.put_nowait("record")

    async def perform_seek() -> None:
        # The broker takes its time to answer, and the fetcher does not wait for it.
        fetch()

    app = SimpleNamespace(
        conf=SimpleNamespace(stream_recovery_delay=0, broker_request_timeout=5),
        consumer=SimpleNamespace(
            assignment=lambda: {"stream-0"},
            resume_partitions=lambda _: is_open.append(True),
            resume_flow=lambda: None,
            perform_seek=perform_seek,
        ),
        consumer_generation_id=0,
        on_rebalance_complete=SimpleNamespace(send=nothing),
        flow_control=flow,
        _fetcher=SimpleNamespace(maybe_start=nothing),
        assignor=SimpleNamespace(assigned_standbys=set),
        on_rebalance_end=lambda: None,
    )
    tables = SimpleNamespace(
        values=list,
        changelog_topics=set(),
        on_actives_ready=lambda: None,
        on_standbys_ready=lambda: None,
    )
    recovery: Any = Recovery(app, tables)
    recovery._is_changelog_tp = lambda tp: False

    await recovery.on_recovery_completed(0)
    fetch()

    lost = len(fetched) - queue.qsize()
    print(f"{len(fetched)} fetched, {lost} lost")
    return min(1, lost)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
