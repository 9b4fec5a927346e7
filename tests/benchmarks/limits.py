"""What the parts cost without us: a hop through the broker, and a policy at the API server."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.demo.stage import POLICIES
from tests.e2e.acting import Actor

PROBES = 100
_APPLY = {"Content-Type": "application/apply-patch+yaml"}


async def bare_hops(actor: Actor) -> list[float]:
    """Return how long a record takes from a producer to a consumer, one at a time."""
    broker = actor.world.settings.kafka.broker
    # The records carry nothing: the agent of this topic buries them.
    place = TopicPartition("dead-letters", 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="latest")
    await consumer.start()
    taken = []
    try:
        consumer.assign([place])
        await consumer.seek_to_end(place)
        await consumer.getmany(timeout_ms=500)
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            for _ in range(PROBES):
                began = time.monotonic()
                await producer.send(place.topic, b"{}", partition=0)
                while not await consumer.getmany(timeout_ms=1000):
                    pass
                taken.append(time.monotonic() - began)
    finally:
        await consumer.stop()
    return taken


async def bare_patches(actor: Actor) -> list[float]:
    """Return how long a server-side apply of a policy takes, one at a time."""
    taken = []
    async with _client(actor) as http:
        for number in range(PROBES):
            began = time.monotonic()
            await _apply(http, "probe", number)
            taken.append(time.monotonic() - began)
        (await http.delete(f"{POLICIES}/probe")).raise_for_status()
    return taken


async def apply_rate(actor: Actor, concurrency: int, count: int) -> float:
    """Return how many new policies are applied in a second, so many at once, by a bare client."""
    numbers = iter(range(count))
    async with _client(actor) as http:

        async def hand() -> None:
            for number in numbers:
                await _apply(http, f"probe-{number}", number)

        began = time.monotonic()
        await asyncio.gather(*(hand() for _ in range(concurrency)))
        seconds = time.monotonic() - began
        for number in range(count):
            (await http.delete(f"{POLICIES}/probe-{number}")).raise_for_status()
    return count / seconds


def _client(actor: Actor) -> httpx.AsyncClient:
    assert actor.world.kubernetes is not None
    return actor.world.kubernetes.client()


async def _apply(http: httpx.AsyncClient, name: str, number: int) -> None:
    itself: dict[str, Any] = {"podSelector": {"matchLabels": {"app": name}}}
    body = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "annotations": {"n": str(number)}},
        "spec": {
            **itself,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [itself]}],
            "egress": [{"to": [itself]}],
        },
    }
    path = f"{POLICIES}/{name}?fieldManager=probe"
    answer = await http.patch(path, content=json.dumps(body), headers=_APPLY)
    answer.raise_for_status()
