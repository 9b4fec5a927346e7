"""The tracker's agent refuses who comes by topic alone and is one too many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents import pod_tracker
from agents.outlet import Outlet
from streams.app import KafkaOptions, create_app
from streams.flow.output import POD_EVENTS, Refusal
from streams.records.cause import Source
from streams.records.reasons import LetterReason
from tables import faust_tables
from tests.unit.flow.records import CLUSTER, TRACKING, five


async def test_a_worker_that_may_hold_no_strangers_refuses_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(KafkaOptions("127.0.0.1:1", "x", tmp_path, partitions=2))
    tables, handlers = faust_tables.declare(app, 2), list[Any]()

    async def take(app: Any, stream: Any, outlet: Any, handle: Any) -> None:
        handlers.append(handle)

    monkeypatch.setattr(pod_tracker, "handle_each", take)
    topics: Any = {POD_EVENTS: app.topic(POD_EVENTS)}
    agent = pod_tracker.install(app, topics, tables, Outlet(topics), TRACKING, 0)
    await agent.fun(None)
    event = five("ADDED", "10.0.0.1")
    source = Source(topic=POD_EVENTS, partition=1, offset=0)

    (refused,) = handlers[0](event, event.key(CLUSTER), source)

    assert isinstance(refused, Refusal)
    assert refused.reason is LetterReason.TOO_MANY_STRANGERS
