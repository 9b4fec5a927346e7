"""Two agents with tables lose nothing, whether they are killed or asked to stop."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.local.broker.embedded import EmbeddedBroker
from deploy.provision import provision
from tests.integration.broker.conftest import Broker
from tests.integration.broker.two_hops import PARTITIONS, TOPICS, Note

ROOT = Path(__file__).parents[3]
NUMBERS = 600
KEYS = 20
WITHIN = 120.0
# The embedded broker lets a lone member wait for half of this before it may begin.
SESSION = "4"


@contextmanager
def worker(broker: Broker, folder: Path, *how: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.integration.broker.two_hops"]
    quirks = ["quirks"] if isinstance(broker, EmbeddedBroker) else []
    with open(folder / "worker.log", "ab") as log:
        process = subprocess.Popen(
            [*command, broker.bootstrap, str(folder / "data"), SESSION, *quirks, *how],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def send(broker: Broker, numbers: range) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        for number in numbers:
            key = f"key-{number % KEYS}".encode()
            await producer.send("notes", Note(number=number).to_bytes(), key=key)


class Reader:
    """Collects what has arrived on a topic since it began."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self.values: list[tuple[bytes, int]] = []
        self._topic = topic
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=20
        )

    async def __aenter__(self) -> Reader:
        await self._consumer.start()
        self._consumer.assign([TopicPartition(self._topic, p) for p in range(PARTITIONS)])
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._consumer.stop()

    async def until(self, count: int, within: float = WITHIN) -> int:
        """Return how many different numbers came, once there are so many or time is up."""
        deadline = time.monotonic() + within
        while len(self.numbers) < count and time.monotonic() < deadline:
            for records in (await self._consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    note = Note.model_validate_json(record.value)
                    self.values.append((record.key, note.number))
        return len(self.numbers)

    async def missing(self, wanted: range) -> list[int]:
        """Return what did not come, in order: a whole set would fill the log."""
        await self.until(len(wanted))
        return sorted(set(wanted) - self.numbers)

    @property
    def numbers(self) -> set[int]:
        return {number for _, number in self.values}


async def test_nothing_is_lost_when_a_worker_is_killed(broker: Broker, tmp_path: Path) -> None:
    await provision(TOPICS, bootstrap_servers=broker.bootstrap)

    async with Reader(broker, "results") as results:
        with worker(broker, tmp_path):
            await send(broker, range(NUMBERS // 2))
            before = await results.until(NUMBERS // 10)
        await send(broker, range(NUMBERS // 2, NUMBERS))
        with worker(broker, tmp_path):
            missing = await results.missing(range(NUMBERS))

    assert 0 < before < NUMBERS
    assert missing == []
    last = {f"key-{number % KEYS}".encode(): number for number in range(NUMBERS)}
    assert dict(results.values) == last
    async with Reader(broker, "two-hops-second-changelog") as changelog:
        assert await changelog.missing(range(NUMBERS)) == []
        assert dict(changelog.values) == last


async def test_nothing_is_done_twice_when_a_worker_is_asked_to_stop(
    broker: Broker, tmp_path: Path
) -> None:
    await provision(TOPICS, bootstrap_servers=broker.bootstrap)

    async with Reader(broker, "results") as results:
        with worker(broker, tmp_path) as first:
            await send(broker, range(100))
            await results.until(100)
            first.send_signal(signal.SIGTERM)
            status = await asyncio.to_thread(first.wait, WITHIN)
        await send(broker, range(100, 200))
        with worker(broker, tmp_path):
            await results.until(200)

    assert status == 0
    times = Counter(number for _, number in results.values)
    assert {number: times[number] for number in range(200) if times[number] != 1} == {}


async def test_who_opens_its_tables_for_longer_than_a_session_stays_in_the_group(
    broker: Broker, tmp_path: Path
) -> None:
    await provision(TOPICS, bootstrap_servers=broker.bootstrap)
    logs = []
    for name in ("quick", "slow"):
        (tmp_path / name).mkdir()
        logs.append(tmp_path / name / "worker.log")

    # Only who hears of the other's silence has the broker look for it.
    with worker(broker, tmp_path / "quick"), worker(broker, tmp_path / "slow", "slowly"):
        deadline = time.monotonic() + WITHIN
        while not all("Worker ready" in log.read_text() for log in logs):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        # The slow one's first heartbeat would be answered with its expulsion.
        await asyncio.sleep(float(SESSION))

    assert [log for log in logs if "member_id was not recognized" in log.read_text()] == []
