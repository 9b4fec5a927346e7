"""The index of a graph is built from its rows whenever these may have changed without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from agents import rule_router
from agents.outlet import Outlet
from agents.rule_router import Graphs
from streams.app import KafkaOptions, create_app
from streams.flow import router
from streams.flow.graph_rows import GraphPodRow, PodsRow
from streams.flow.lateness import FORGET_EVERY
from streams.records.cause import Source
from streams.records.facts import GraphFact
from streams.records.views import PodRef
from tables import faust_tables
from tables.catalog import Tables

OURS = router.Routing(partitions=2, epoch=1, clusters=("local",))


def pod(name: str) -> PodsRow:
    ref = PodRef(cluster="local", namespace="default", name=name, uid=f"uid-{name}")
    return PodsRow(pod=GraphPodRow(pod=ref, live=True, rev=1))


def fact() -> GraphFact:
    return GraphFact(graph="main")


class Worker:
    """An app whose router is handed facts, and whose rows another worker may write."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app = create_app(KafkaOptions("127.0.0.1:1", "x", folder, partitions=2))
        self.tables = faust_tables.declare(self.app, 2)
        self.built: list[Any] = []
        self.committed: dict[TP, int | None] = {}
        self.forgotten: list[tuple[str, int]] = []
        self.fails = False
        consumer = type("Consumer", (), {"_committed_offset": self.committed})
        monkeypatch.setattr(type(self.app), "consumer", consumer)
        monkeypatch.setattr(router, "handle", self._handle)
        monkeypatch.setattr(router, "forget", self._forget)
        monkeypatch.setattr(rule_router, "handle_each", self._take)
        topics: Any = {"graph-facts": self.app.topic("graph-facts")}
        self.agent = rule_router.install(self.app, topics, self.tables, Outlet(topics), OURS)

    async def start(self) -> None:
        await self.agent.fun(None)

    def feed(self, offset: int, partition: int = 0) -> None:
        source = Source(topic="graph-facts", partition=partition, offset=offset)
        self._handler(fact(), "main", source)

    def put(self, name: str, partition: int = 0) -> None:
        """Write a row as recovery does: past the index."""
        store = self.tables["graph-pods"].data
        key = store._encode_key(f"main|local/default/{name}")
        store._db_for_partition(partition).put(key, store._encode_value(pod(name)))

    async def _take(self, app: Any, stream: Any, outlet: Any, handle: Any) -> None:
        self._handler = handle

    def _handle(self, graph: router.Graph, *_: Any) -> list[Any]:
        self.built.append(graph)
        if self.fails:
            raise ValueError("tripped")
        return []

    def _forget(self, graph: router.Graph, committed: int) -> None:
        self.forgotten.append((graph.name, committed))


@pytest.fixture
async def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    worker = Worker(tmp_path, monkeypatch)
    await worker.start()
    return worker


def known(graph: router.Graph) -> set[str]:
    return {row.pod.name for row in graph.index.pods.values()}


async def test_an_index_is_built_once_and_kept(worker: Worker) -> None:
    worker.put("pod-a")
    for offset in range(3):
        worker.feed(offset)

    assert known(worker.built[0]) == {"pod-a"}
    assert worker.built[1] is worker.built[0]
    assert worker.built[2] is worker.built[0]


async def test_each_partition_has_an_index_of_its_own_rows(worker: Worker) -> None:
    worker.put("pod-a", 0)
    worker.put("pod-b", 1)

    worker.feed(0, partition=0)
    worker.feed(0, partition=1)

    assert [known(graph) for graph in worker.built] == [{"pod-a"}, {"pod-b"}]


@pytest.mark.parametrize("signal", ["on_partitions_revoked", "on_partitions_assigned"])
async def test_what_another_worker_wrote_is_seen_when_partitions_have_moved(
    worker: Worker, signal: str
) -> None:
    worker.feed(0)
    worker.put("pod-a")

    await getattr(worker.app, signal).send(set())
    worker.feed(1)

    assert [known(graph) for graph in worker.built] == [set(), {"pod-a"}]


async def test_a_handler_that_trips_leaves_no_half_index(worker: Worker) -> None:
    worker.fails = True
    with pytest.raises(ValueError, match="tripped"):
        worker.feed(0)
    worker.fails = False

    worker.put("pod-a")
    worker.feed(1)

    assert known(worker.built[1]) == {"pod-a"}


async def test_forgetting_reaches_to_the_committed_offset_of_this_partition(
    worker: Worker,
) -> None:
    worker.committed |= {
        TP("graph-facts", 0): 321,
        TP("graph-facts", 1): 999,
        TP("pod-events", 0): 777,
    }

    for offset in range(2 * FORGET_EVERY):
        worker.feed(offset)

    assert worker.forgotten == [("main", 321), ("main", 321)]


@pytest.mark.parametrize("committed", [{}, {TP("graph-facts", 0): None}])
async def test_where_nothing_is_committed_nothing_is_forgotten(
    worker: Worker, committed: dict[TP, int | None]
) -> None:
    worker.committed |= committed

    worker.feed(0)
    worker.feed(FORGET_EVERY - 1)

    assert worker.forgotten == [("main", 0)]


def test_forgetting_one_partition_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(KafkaOptions("127.0.0.1:1", "x", tmp_path, partitions=2))
    tables: Tables = faust_tables.declare(app, 2)
    graphs = Graphs(tables)
    forgotten: list[Any] = []
    monkeypatch.setattr(router, "forget", lambda graph, _: forgotten.append(graph))
    here, there = graphs.get("main", 0), graphs.get("other", 1)

    graphs.forget(0, 5)

    assert forgotten == [here]
    assert there not in forgotten
