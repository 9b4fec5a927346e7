"""Three workers in a storm: whatever is done to them, to the broker and to the group."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.local.broker.apache import ApacheBroker
from tests.disturbing import Disturber
from tests.integration.broker.two_hops import APP_ID, PARTITIONS, Note

ROOT = Path(__file__).parents[3]
SESSION = 6.0
RATE = 200
KEYS = 100


class Storm:
    """A broker, workers that are started again when they end, and who disturbs them."""

    def __init__(self, broker: ApacheBroker, folder: Path, seed: int) -> None:
        self.sent = 0
        self.restarts = 0
        self._broker = broker
        self._folder = folder
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._feeding = True
        self.disturber = Disturber(broker, seed, self._pids, lambda: self.start("worker-3"))

    def _pids(self) -> dict[str, int]:
        # One that ended, and was not started again yet, cannot be disturbed.
        return {n: each.pid for n, each in self._workers.items() if each.poll() is None}

    def start(self, *names: str) -> None:
        """Start workers, each with a folder of its own."""
        for name in names:
            command = [sys.executable, "-m", "tests.integration.broker.two_hops"]
            command += [self._broker.bootstrap, str(self._folder / name), str(SESSION)]
            with open(self._folder / f"{name}.log", "ab") as log:
                self._workers[name] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def stop(self) -> None:
        """End every worker, the paused ones too."""
        for process in self._workers.values():
            process.kill()
            process.wait()

    async def feed(self) -> None:
        """Send numbered notes until told to end; what the broker refuses is sent again."""
        async with AIOKafkaProducer(
            bootstrap_servers=self._broker.bootstrap,
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=120_000,
        ) as producer:
            began, first = time.monotonic(), self.sent
            while self._feeding:
                note = Note(number=self.sent).to_bytes()
                await producer.send("notes", note, key=f"key-{self.sent % KEYS}".encode())
                self.sent += 1
                ahead = began + (self.sent - first) / RATE - time.monotonic()
                await asyncio.sleep(max(0.0, ahead))

    def end_feeding(self) -> None:
        """Let the last note be sent."""
        self._feeding = False

    async def keep(self) -> None:
        """Start again whatever worker ended, as the one who runs them would."""
        while True:
            for name, process in list(self._workers.items()):
                if process.poll() is not None:
                    self.restarts += 1
                    self.start(name)
            await asyncio.sleep(0.5)

    async def behind(self) -> dict[str, int]:
        """Return how much of each partition is not committed: nothing, unless one is blocked."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._broker.bootstrap, group_id=APP_ID, enable_auto_commit=False
        )
        async with consumer:
            topics = ("notes", "copies")
            places = [TopicPartition(topic, n) for topic in topics for n in range(PARTITIONS)]
            ends = await consumer.end_offsets(places)
            done = {place: await consumer.committed(place) or 0 for place in places}
        left = {f"{tp.topic}-{tp.partition}": ends[tp] - done[tp] for tp in places}
        return {place: count for place, count in left.items() if count}
