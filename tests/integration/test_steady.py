"""Faust's own recovery, with and without the cure, and a process that freezes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.tables.recovery import Recovery
from mode.utils.queues import FlowControlEvent, FlowControlQueue

from streams.steady import SteadyRecovery
from streams.stop import FROZEN_EXIT

PARTITION = SimpleNamespace(topic="notes", partition=0)


class StubConsumer:
    """A consumer whose fetched records go straight into the agent's queue, as Faust's do."""

    def __init__(self, queue: FlowControlQueue) -> None:
        self._queue = queue
        self._fetching = False
        self._next = 0
        self.order: list[str] = []

    def assignment(self) -> set[Any]:
        return {"notes-0"}

    def resume_partitions(self, partitions: set[Any]) -> None:
        self.order.append("fetch")
        self._fetching = True

    def resume_flow(self) -> None:
        self.order.append("flow")

    async def perform_seek(self) -> None:
        self.order.append("seek")
        # The broker takes its time to say what is committed, and the fetcher does not wait.
        self.fetch()

    def fetch(self) -> None:
        """Put one record into the queue, as the fetcher does at any moment."""
        if self._fetching:
            self._queue.put_nowait(self._next)
            self._next += 1


def recovery(kind: type[Recovery]) -> tuple[Any, StubConsumer, FlowControlQueue]:
    """Return a recovery that is about to resume its app."""
    flow = FlowControlEvent()
    queue: FlowControlQueue = FlowControlQueue(flow_control=flow, clear_on_resume=True)
    consumer = StubConsumer(queue)

    async def nothing(*_: Any) -> None:
        return None

    resume: Callable[[], None] = flow.resume
    app = SimpleNamespace(
        conf=SimpleNamespace(stream_recovery_delay=0, broker_request_timeout=5),
        consumer=consumer,
        consumer_generation_id=0,
        on_rebalance_complete=SimpleNamespace(send=nothing),
        flow_control=SimpleNamespace(resume=lambda: (consumer.order.append("queues"), resume())),
        _fetcher=SimpleNamespace(maybe_start=nothing),
        assignor=SimpleNamespace(assigned_standbys=lambda: set()),
        on_rebalance_end=lambda: None,
    )
    tables = SimpleNamespace(
        values=lambda: [],
        changelog_topics=set(),
        on_actives_ready=lambda: None,
        on_standbys_ready=lambda: None,
    )
    made = kind(app, tables)
    made._is_changelog_tp = lambda tp: False
    return made, consumer, queue


@pytest.mark.parametrize("step", ["on_recovery_completed", "_resume_streams"])
async def test_stock_recovery_drops_what_was_fetched_too_early(step: str) -> None:
    stock, consumer, queue = recovery(Recovery)

    await getattr(stock, step)(0)
    consumer.fetch()

    # When this fails, Faust was mended: the cure can go.
    assert [queue.get_nowait() for _ in range(queue.qsize())] == [1]


@pytest.mark.parametrize("step", ["on_recovery_completed", "_resume_streams"])
async def test_steady_recovery_delivers_every_record(step: str) -> None:
    steady, consumer, queue = recovery(SteadyRecovery)

    await getattr(steady, step)(0)
    consumer.fetch()

    assert consumer.order == ["seek", "queues", "flow", "fetch"]
    assert [queue.get_nowait() for _ in range(queue.qsize())] == [0]


ROOT = Path(__file__).parents[2]
FROZEN = """
import time
from streams.stop import FreezeWatch
with FreezeWatch(0.5):
    print("watching", flush=True)
    time.sleep(20)
"""


def test_a_process_that_was_frozen_ends_when_it_goes_on() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FROZEN],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"watching\n"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.8)
        os.kill(process.pid, signal.SIGCONT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == FROZEN_EXIT
    assert b"stood still" in said
