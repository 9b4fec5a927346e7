"""What a worker knows of its graph outlives the worker."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.local.broker.embedded import EmbeddedBroker
from deploy.local.verefoo.server import VerefooServer
from deploy.provision import provision
from streams.flow.output import DEAD_LETTERS, FIREWALL_CHANGES, GRAPH_EDITS, GRAPH_FACTS
from streams.records.base import Record
from streams.records.facts import FirewallChange, GraphFact
from streams.records.policies import DeadLetter
from streams.records.rules import Action, Protocol, Rule
from tests.inputs.batches import NO_NAME, Made, batch, record
from tests.integration.verefoo.graph_worker import specs
from tests.unit.agents.graph_world import FIREWALL, GRAPH, GraphWorld, rule, said

ROOT = Path(__file__).parents[3]
WITHIN = 120.0
A, B, C = "10.1.0.1", "10.1.0.2", "10.1.0.3"
R = TypeVar("R", bound=Record)


class Beside(GraphWorld):
    """The facts and the Verefoo of a world whose keeper is in another process."""

    def __init__(self, broker: EmbeddedBroker, server: VerefooServer, folder: Path) -> None:
        super().__init__(server.store)
        self.server = server
        self.facts: list[GraphFact] = []
        self.bootstrap = broker.bootstrap
        self._folder = folder

    def hear(self, fact: GraphFact) -> None:
        self.facts.append(fact)

    async def send(self) -> None:
        """Put what was heard on the topic."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap) as producer:
            for fact in self.facts:
                await producer.send_and_wait(GRAPH_EDITS, fact.to_bytes(), key=b"main")
        self.facts.clear()

    @contextmanager
    def worker(self) -> Iterator[None]:
        """Run a worker, and kill it."""
        command = [sys.executable, "-m", "tests.integration.verefoo.graph_worker"]
        where = [self.bootstrap, str(self._folder / "data"), self.server.url]
        with open(self._folder / "worker.log", "ab") as log:
            process = subprocess.Popen([*command, *where], cwd=ROOT, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.kill()
            process.wait()

    async def read(self, topic: str, kind: type[R]) -> list[R]:
        """Return everything there is on a topic."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, fetch_max_wait_ms=20
        ) as consumer:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            found: list[R] = []
            while records := await consumer.getmany(partition, timeout_ms=300):
                found += [kind.model_validate_json(r.value) for r in records[partition]]
            return found

    async def told(self) -> list[FirewallChange]:
        """Return the changes that reached the graph's mailbox, each once.

        A gate that was killed before it committed says what it said again.
        """
        facts = await self.read(GRAPH_FACTS, GraphFact)
        return list({fact.rev: fact.change for fact in facts if fact.change}.values())

    def joined(self) -> set[str]:
        """Return the pods whose last edge is written."""
        firewall = self.state().firewall(FIREWALL)
        assert firewall is not None
        return {neighbour.name for neighbour in firewall.neighbours}

    async def until(self, true: Callable[[], object]) -> None:
        """Return when something has become true."""
        deadline = time.monotonic() + WITHIN
        while True:
            found = true()
            if await found if asyncio.iscoroutine(found) else found:
                return
            log = (self._folder / "worker.log").read_text()
            assert time.monotonic() < deadline, log[-3000:]
            await asyncio.sleep(0.05)

    async def until_told(self, *expected: tuple[str, str, str]) -> None:
        """Return when exactly this was told, in this order."""

        async def is_told() -> bool:
            return said(await self.told()) == list(expected)

        await self.until(is_told)


@pytest.fixture
async def world(tmp_path: Path, server: VerefooServer) -> AsyncIterator[Beside]:
    async with EmbeddedBroker(tmp_path / "broker.log") as broker:
        await provision(specs(), bootstrap_servers=broker.bootstrap)
        yield Beside(broker, server, tmp_path)


async def test_rules_and_pods_are_remembered_by_the_worker_that_comes_after(
    world: Beside,
) -> None:
    world.claim("a", A)
    world.claim("b", B)
    world.list_all()
    await world.send()
    with world.worker():
        await world.until(lambda: len(world.store.graphs.rows) == 1 and world.pods() == {A, B})
        world.rule(rule(A, B), rule(B, A), rule(A, C, action=None))
        await world.until_told(("added", A, B), ("added", B, A))
        # So that the worker is not killed before it has heard what it said.
        world.claim("c", C)
        await world.send()
        await world.until(lambda: world.joined() == {A, B, C})
    writes = len(world.server.writes())
    world.rule(rule(B, A), rule(A, C, action=None))
    with world.worker():
        await world.until_told(("added", A, B), ("added", B, A), ("removed", A, B))
        world.store.graphs.rows.clear()
        await world.until(lambda: len(world.store.graphs.rows) == 1)

    assert len(world.server.writes()) == writes + 1
    assert world.pods() == {A, B, C}
    assert [each["source"] for each in world.elements()] == [B]
    marks = [fact.mark for fact in await world.read(GRAPH_FACTS, GraphFact) if fact.mark]
    assert len({mark.id for mark in marks}) == 2
    letters = await world.read(DEAD_LETTERS, DeadLetter)
    assert {letter.reason for letter in letters} == {"bad-field"}
    # One for each worker: who looks for the first time has to say it.
    assert len({letter.offset for letter in letters}) == 2


def added(source: str, destination: str) -> bytes:
    """Return what somebody may say on the topic of changes."""
    ends = {"source": source, "destination": destination}
    meant = Rule(action=Action.ALLOW, protocol=Protocol.TCP, **ends)
    return FirewallChange(graph=GRAPH, firewall=FIREWALL, added=(meant,)).to_bytes()


@pytest.mark.row("E48")
@pytest.mark.threat("T3")
async def test_no_batch_ends_a_worker_or_makes_it_deaf(world: Beside) -> None:
    key = GRAPH.encode()
    unnamed = record(1, added(B, A), key, [(NO_NAME, b"x")])
    batches = [
        batch(record(0, added(A, B), key), unnamed, record(2, added(B, C), key)),
        # All that comes behind would count as read.
        batch(record(1_000_000, added(B, A), key)),
        batch(b"\xff" * 20),
        batch(record(0, added(C, A), key)),
    ]
    async with AIOKafkaProducer(bootstrap_servers=world.bootstrap) as producer:
        for each in batches:
            await (await producer.send_batch(Made(each), FIREWALL_CHANGES, partition=0))

    with world.worker():
        await world.until_told(("added", A, B), ("added", B, C), ("added", C, A))

    letters = await world.read(DEAD_LETTERS, DeadLetter)
    assert {(letter.offset, letter.reason) for letter in letters} == {
        (1, "unreadable"),
        (3, "unreadable"),
        (4, "unreadable"),
    }
