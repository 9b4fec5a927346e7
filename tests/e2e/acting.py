"""Somebody who does what users do, and sees what they see, in one local world."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.demo.stage import NAMESPACE, Stage
from deploy.local.broker import quirks
from deploy.login import client_options
from deploy.verefoo_login import verefoo_client
from deploy.world import Plan, World
from streams.records.rules import Rule
from streams.topics import names
from tests.reading import Reach, allowed_ports

Json = dict[str, Any]
WAIT = "120"


class Actor(Stage):
    """A world, its servers' memories, and hands to act in it."""

    def __init__(self, world: World, kube: httpx.AsyncClient, verefoo: httpx.AsyncClient) -> None:
        self.world = world
        self.file = world.plan.state_dir / "endpoints.json"
        world.write_endpoints(self.file)
        super().__init__(kube, verefoo, world.endpoints()["verefoo"]["graph"])

    async def settled(self, within: str = WAIT) -> None:
        """Return when everything said before has had its effect; fail if it has not in time."""
        status, out = await self.vereflow("wait", "--timeout", within)
        assert status == 0, out

    async def vereflow(self, *arguments: str) -> tuple[int, str]:
        """Run the command line against this world; return its exit code and what it said."""
        status, out, beside = await self.answer(*arguments)
        return status, out + beside

    async def answer(self, *arguments: str) -> tuple[int, str, str]:
        """Run the command line; return its exit code, its answer, and what it said beside that."""
        self.world.write_endpoints(self.file)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.cli", *arguments),
            env={**os.environ, "VEREFLOW_ENDPOINTS": str(self.file)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, beside = await process.communicate()
        return process.returncode or 0, out.decode(), beside.decode()

    async def change(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> None:
        """Change something at the API server, as somebody else with all rights."""
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type}
        answer = await self._kube.request(method, path, content=content, headers=headers)
        answer.raise_for_status()

    async def merge(self, path: str, change: Json) -> None:
        """Change some fields of an object, as somebody else with all rights."""
        await self.change("PATCH", path, change, "application/merge-patch+json")

    async def add_pod(
        self,
        name: str,
        address: str,
        labels: dict[str, str],
        *,
        namespace: str = NAMESPACE,
        ports: Iterable[Json] = (),
    ) -> None:
        """Create a pod with these labels, anywhere."""
        notes = {"vereflow.io/pod-ip": address}
        container = {"name": "main", "image": "nginx", "ports": list(ports)}
        body = {
            "metadata": {"name": name, "labels": labels, "annotations": notes},
            "spec": {"containers": [container]},
        }
        await self.change("POST", f"/api/v1/namespaces/{namespace}/pods", body)

    async def read(self, path: str) -> Json:
        """Return an object, as somebody else with all rights."""
        found: Json = (await self._kube.get(path)).raise_for_status().json()
        return found

    async def listed(self, path: str) -> list[Json]:
        """Return the objects of a kind."""
        return await self._listed(path)

    async def create_pods(self, addresses: dict[str, str]) -> None:
        """Create pods, eight at a time, and return when all of them run."""
        await self._each(addresses.items(), lambda pod: self.create_pod(*pod))
        await until_true(lambda: self._running(addresses))

    async def delete_pods(self, names: Iterable[str]) -> None:
        """Delete pods, eight at a time."""
        await self._each(names, self.delete_pod)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Look again and again until it holds; fail if it does not in time."""

        async def look() -> bool:
            return holds()

        await until_true(look)

    def policy_writes(self) -> list[Any]:
        """Return every write of a policy the API server saw so far."""
        assert self.world.kubernetes is not None
        return self.world.kubernetes.writes("networkpolicies")

    def graph_writes(self) -> list[Any]:
        """Return every change Verefoo was asked for so far."""
        assert self.world.verefoo is not None
        return self.world.verefoo.writes()

    async def stored_reach(self) -> dict[tuple[str, str], Reach]:
        """Return what the stored policies let each pod send to each other, by address."""
        pods = [as_endpoint(pod) for pod in await self.pods()]
        policies = list((await self.policies()).values())
        return {
            (one["ip"], two["ip"]): allowed_ports(policies, pods, one["ip"], two["ip"])
            for one in pods
            for two in pods
            if one is not two
        }

    async def graph_rules(self) -> list[Rule]:
        """Return the rules of the graph's firewall."""
        return [Rule.model_validate(told) for told in await self.rules()]

    async def produce(
        self, topic: str, records: Iterable[tuple[bytes | None, bytes | None]]
    ) -> None:
        """Write raw records to a topic: keys and values as bytes."""
        topic = names(self.world.settings)[topic]
        async with AIOKafkaProducer(**client_options(self.world.settings.kafka)) as producer:
            for key, value in records:
                await producer.send_and_wait(topic, value, key=key)

    async def consume(self, topic: str) -> list[Any]:
        """Return every record of a topic, partition by partition."""
        quirks.install()
        topic = names(self.world.settings)[topic]
        consumer = AIOKafkaConsumer(
            auto_offset_reset="earliest", **client_options(self.world.settings.kafka)
        )
        await consumer.start()
        try:
            partitions = [
                TopicPartition(topic, number)
                for number in range(self.world.settings.kafka.partitions)
            ]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            found: list[Any] = []
            left = {partition for partition, end in ends.items() if end > 0}
            deadline = time.monotonic() + 120
            while left and time.monotonic() < deadline:
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    found += records
                    if records and records[-1].offset >= ends[partition] - 1:
                        left.discard(partition)
            assert not left
            return found
        finally:
            await consumer.stop()

    async def dead_letters(self) -> dict[str, Json]:
        """Return the dead letters by their source."""
        return {
            record.key.decode(): json.loads(record.value)
            for record in await self.consume("dead-letters")
        }

    async def _running(self, addresses: dict[str, str]) -> bool:
        running = {
            pod["metadata"]["name"] for pod in await self.pods() if pod["status"].get("podIP")
        }
        return set(addresses) <= running

    async def _each(self, items: Iterable[Any], act: Callable[[Any], Awaitable[None]]) -> None:
        gate = asyncio.Semaphore(8)

        async def one(item: Any) -> None:
            async with gate:
                await act(item)

        await asyncio.gather(*(one(item) for item in items))


async def until_true(holds: Callable[[], Awaitable[bool]], within: float = 120.0) -> None:
    """Look again and again until it holds; fail if it does not in time."""
    deadline = time.monotonic() + within
    while not await holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.05)


def as_endpoint(pod: Json) -> Json:
    """Return a pod as the independent reader of policies takes it."""
    return {
        "namespace": NAMESPACE,
        "name": pod["metadata"]["name"],
        "labels": pod["metadata"].get("labels", {}),
        "ip": pod["status"].get("podIP", "0.0.0.0"),
    }


@asynccontextmanager
async def acting(
    folder: Path, workers: int, *, kind: type[World] = World, **parts: Any
) -> AsyncIterator[Actor]:
    """Start a world of these parts in a folder; on failure its logs are in that folder."""
    world = kind(Plan(folder / "state", workers=workers, **parts))
    await world.start()
    try:
        assert world.kubernetes is not None
        async with (
            world.kubernetes.client() as kube,
            verefoo_client(world.settings.verefoo) as verefoo,
        ):
            verefoo.headers["Accept"] = "application/json"
            verefoo.timeout = httpx.Timeout(60)
            yield Actor(world, kube, verefoo)
    finally:
        await world.stop()
