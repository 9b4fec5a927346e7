"""Three workers in a storm: whatever is done to them, to the broker and to the group."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.local.broker.apache import ApacheBroker
from tests.integration.broker.two_hops import APP_ID, PARTITIONS, Note

ROOT = Path(__file__).parents[3]
SESSION = 6.0
RATE = 200
KEYS = 100
# Longer than the session, and much longer.
PAUSES = (12.0, 40.0)


class Storm:
    """A broker, workers that are started again when they end, and who disturbs them."""

    def __init__(self, broker: ApacheBroker, folder: Path, seed: int) -> None:
        self.sent = 0
        self.restarts = 0
        self.told: list[str] = []
        self._broker = broker
        self._folder = folder
        self._chance = random.Random(seed)
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._feeding = True

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

    async def rage(self) -> None:
        """Do each of six things once, in an order and at moments that the seed decides."""
        happenings: list[Callable[[], Awaitable[None]]] = [
            self._kill,
            self._terminate,
            lambda: self._pause(PAUSES[0]),
            lambda: self._pause(PAUSES[1]),
            self._kill_broker,
            self._join,
        ]
        self._chance.shuffle(happenings)
        for happen in happenings:
            await asyncio.sleep(self._chance.uniform(5, 9))
            await happen()

    def _one(self) -> str:
        return self._chance.choice(sorted(self._workers))

    async def _kill(self) -> None:
        name = self._tell("kill -9", self._one())
        self._workers[name].kill()

    async def _terminate(self) -> None:
        name = self._tell("TERM", self._one())
        self._workers[name].terminate()

    async def _pause(self, seconds: float) -> None:
        name = self._tell(f"STOP for {seconds:.0f} s", self._one())
        process = self._workers[name]
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)

    async def _kill_broker(self) -> None:
        self._tell("kill -9", "broker")
        self._broker.nodes[0].kill()
        await asyncio.sleep(self._chance.uniform(1, 4))
        await self._broker.start()

    async def _join(self) -> None:
        self.start(self._tell("join", "worker-3"))

    def _tell(self, what: str, whom: str) -> str:
        self.told.append(f"{what} {whom}")
        return whom

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
