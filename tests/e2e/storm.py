"""Rules that come and go, faster than people could write them, and pods that come and go."""

from __future__ import annotations

import asyncio
import json
import os
import time
from itertools import count

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.demo.stage import FIREWALL
from deploy.local.broker.apache import ApacheBroker
from streams.flow.output import DEAD_LETTERS, KEY_FRAMES
from streams.topics import names
from tests.e2e.acting import Actor
from tests.reading import Intervals

GRAPH = "main"
# Of records in a second; two cores carry some 70, and the rest waits.
RATE = int(os.environ.get("STORM_RATE", "80"))
# One record in so many is none.
BAD = 100
PAIRS = 10
# Rules of a pair at any moment: what goes is what came so many records of this pair before.
LIVING = 4
FIRST_PORT = 1024
PODS = {f"pod-{number:02d}": f"10.244.7.{number + 1}" for number in range(2 * PAIRS)}
ADDRESSES = list(PODS.values())
GUESTS = 4


class Rules:
    """A stream of records of which each that is lost, or comes late, shows at the end.

    The rule of a record is its own, by its port, and only one later record takes it away again.
    """

    def __init__(self, actor: Actor, rate: int = RATE) -> None:
        self._rate = rate
        self.bad: set[str] = set()
        self._actor = actor
        self._sent = 0
        self._going_on = True

    @property
    def sent(self) -> int:
        """Return how many records were sent, those that are none left out."""
        return self._sent

    def end(self) -> None:
        """Let the last record be sent."""
        self._going_on = False

    async def feed(self) -> None:
        """Send until told to end; what the broker refuses is sent again."""
        world = self._actor.world
        async with AIOKafkaProducer(
            bootstrap_servers=world.settings.kafka.broker,
            # The embedded one knows no such producers; nothing happens to it.
            enable_idempotence=isinstance(world.broker, ApacheBroker),
            request_timeout_ms=120_000,
        ) as producer:
            began = time.monotonic()
            while self._going_on:
                await producer.send("firewall-changes", self._record(self._sent), GRAPH.encode())
                self._sent += 1
                if self._sent % BAD == 0:
                    at = await producer.send_and_wait("firewall-changes", b"{", GRAPH.encode())
                    self.bad.add(f"{at.topic}/{at.partition}/{at.offset}")
                await asyncio.sleep(max(0.0, began + self._sent / self._rate - time.monotonic()))

    def wanted(self) -> dict[tuple[str, str], Intervals]:
        """Return which ports are open at the end, by the addresses of the pair."""
        newest = range(max(0, self._sent - PAIRS * LIVING), self._sent)
        ports: dict[int, list[int]] = {pair: [] for pair in range(PAIRS)}
        for number in newest:
            ports[number % PAIRS].append(FIRST_PORT + number)
        return {
            (ADDRESSES[2 * pair], ADDRESSES[2 * pair + 1]): tuple((each, each) for each in ports)
            for pair, ports in ports.items()
        }

    @staticmethod
    def _record(number: int) -> bytes:
        before = number - PAIRS * LIVING
        told = {
            "graph": GRAPH,
            "firewall": FIREWALL,
            "added": [_rule(number)],
            "removed": [_rule(before)] if before >= 0 else [],
        }
        return json.dumps(told).encode()


def _rule(number: int) -> dict[str, str]:
    pair = number % PAIRS
    return {
        "action": "ALLOW",
        "source": ADDRESSES[2 * pair],
        "destination": ADDRESSES[2 * pair + 1],
        "protocol": "TCP",
        "dstPort": str(FIRST_PORT + number),
    }


async def guests(actor: Actor, seconds: float = 2.0) -> None:
    """Have pods come and go until cancelled: each is born again under its name and address."""
    there: set[str] = set()
    for turn in count():
        name, address = f"guest-{turn % GUESTS}", f"10.244.8.{turn % GUESTS + 1}"
        if name in there:
            await actor.delete_pod(name)
        else:
            await actor.create_pod(name, address)
        there ^= {name}
        await asyncio.sleep(seconds)


async def behind(actor: Actor) -> dict[str, int]:
    """Return how much of each partition the group has not committed, if anything."""
    settings = actor.world.settings
    kafka = settings.kafka
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=kafka.app_id, enable_auto_commit=False
    )
    async with consumer:
        places = [
            TopicPartition(topic, number)
            for name, topic in names(settings).items()
            # The group reads neither.
            if name not in (DEAD_LETTERS, KEY_FRAMES)
            for number in range(kafka.partitions)
        ]
        ends = await consumer.end_offsets(places)
        done = {place: await consumer.committed(place) or 0 for place in places}
    left = {f"{at.topic}-{at.partition}": ends[at] - done[at] for at in places}
    return {place: count for place, count in left.items() if count}
