"""Identities are built from their rows whenever these may have changed without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from agents import identity_keeper
from agents.identity_keeper import KeptIdentities
from agents.outlet import Outlet
from streams.app import KafkaOptions, create_app
from streams.flow import identities
from streams.flow.identity_rows import IdentitiesRow
from streams.flow.lateness import FORGET_EVERY
from streams.flow.output import IDENTITY_FACTS
from streams.records.cause import Source
from streams.records.facts import GraphFact
from tables import faust_tables
from tables.catalog import CATALOG


class State:
    """What was in the rows when it was built, and what it is told."""

    def __init__(self, graph: str, rows: Any) -> None:
        self.rows = list(rows)
        self.committed = 0

    def note_committed(self, committed: int) -> None:
        self.committed = committed


class Worker:
    """An app whose keeper is handed facts, and whose rows another worker may write."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app = create_app(KafkaOptions("127.0.0.1:1", "x", folder, partitions=2))
        self.tables = faust_tables.declare(self.app, 2, CATALOG)
        self.built: list[Any] = []
        self.forgotten: list[tuple[list[str], int]] = []
        self.fails = False
        committed = {TP(IDENTITY_FACTS, 0): 321, TP(IDENTITY_FACTS, 1): 999}
        consumer = type("Consumer", (), {"_committed_offset": committed})
        monkeypatch.setattr(type(self.app), "consumer", consumer)
        monkeypatch.setattr(identity_keeper, "Identities", State)
        monkeypatch.setattr(identities, "handle", self._handle)
        monkeypatch.setattr(
            identities, "forget", lambda state, below: self.forgotten.append((state.rows, below))
        )
        monkeypatch.setattr(identity_keeper, "handle_each", self._take)
        topics: Any = {IDENTITY_FACTS: self.app.topic(IDENTITY_FACTS)}
        self.kept = KeptIdentities(self.tables)
        ours: Any = None
        self.agent = identity_keeper.install(self.app, topics, Outlet(topics), self.kept, ours)

    def feed(self, offset: int, partition: int = 0) -> None:
        source = Source(topic=IDENTITY_FACTS, partition=partition, offset=offset)
        self._handler(GraphFact(graph="main"), "main", source)

    def put(self, key: str, partition: int = 0) -> None:
        """Write a row as recovery does: past what is in memory."""
        store = self.tables["identities"].data
        raw = store._encode_value(IdentitiesRow())
        store._db_for_partition(partition).put(store._encode_key(key), raw)

    async def _take(self, app: Any, stream: Any, outlet: Any, handle: Any) -> None:
        self._handler = handle

    def _handle(self, state: Any, *_: Any) -> list[Any]:
        self.built.append(state)
        if self.fails:
            raise ValueError("tripped")
        return []


@pytest.fixture
async def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    worker = Worker(tmp_path, monkeypatch)
    await worker.agent.fun(None)
    return worker


async def test_they_are_built_once_for_each_partition_and_kept(worker: Worker) -> None:
    worker.put("main|a", 0)
    worker.put("main|b", 1)

    for offset in range(2):
        for partition in range(2):
            worker.feed(offset, partition)

    assert [each.rows for each in worker.built] == [["main|a"], ["main|b"]] * 2
    assert worker.built[2] is worker.built[0] is worker.kept.get("main", 0)


@pytest.mark.parametrize("signal", ["on_partitions_revoked", "on_partitions_assigned"])
async def test_what_another_worker_wrote_is_seen_when_partitions_have_moved(
    worker: Worker, signal: str
) -> None:
    worker.feed(0)
    worker.put("main|a")

    await getattr(worker.app, signal).send(set())
    worker.feed(1)

    assert [each.rows for each in worker.built] == [[], ["main|a"]]


async def test_a_handler_that_trips_leaves_nothing_half_built(worker: Worker) -> None:
    worker.fails = True
    with pytest.raises(ValueError, match="tripped"):
        worker.feed(0)
    worker.fails = False

    worker.put("main|a")
    worker.feed(1)

    assert [each.rows for each in worker.built] == [[], ["main|a"]]


async def test_forgetting_reaches_to_the_committed_offset_of_this_partition_alone(
    worker: Worker,
) -> None:
    worker.put("main|a", 0)
    worker.feed(0, 0)
    worker.feed(0, 1)

    worker.feed(FORGET_EVERY - 1, 0)

    assert worker.forgotten == [(["main|a"], 321)]


async def test_up_to_where_all_is_committed_is_said_at_every_fact(worker: Worker) -> None:
    worker.feed(0, 0)
    worker.feed(0, 1)

    assert [each.committed for each in worker.built] == [321, 999]
