"""A world to measure in: a crowd of pods, rules that come and go, and who pays for it in CPU."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from deploy.local.broker.apache import ApacheBroker
from deploy.local.kubernetes.apiserver.server import ApiServer
from tests.benchmarks.routing import address
from tests.benchmarks.watching import Stored, watched
from tests.e2e.acting import Actor, acting

Json = dict[str, Any]
CAUSE = "vereflow.io/cause"
GRAPH, FIREWALL = "main", "10.0.0.1"
TICK = os.sysconf("SC_CLK_TCK")
# Larger ones would be more than a record may hold.
AT_ONCE = 1000
SETTLE_WITHIN = "540"


class Ground:
    """One world, and what is done to it."""

    def __init__(self, actor: Actor, producer: AIOKafkaProducer) -> None:
        self.actor = actor
        self._producer = producer
        self._numbers = itertools.count()
        self.pods: list[int] = []

    async def tell(self, topic: str, key: str, body: Json) -> asyncio.Future[Any]:
        """Hand a record to the producer; the broker's answer comes later."""
        raw = json.dumps(body).encode()
        sent: asyncio.Future[Any] = await self._producer.send(topic, raw, key.encode())
        return sent

    async def grow(self, pods: int) -> None:
        """Create pods until there are so many, and return when all have their policies."""
        new = list(itertools.islice(self._numbers, pods - len(self.pods)))
        for some in _batches(new, AT_ONCE):
            await self.actor.create_pods({pod_name(each): address(each) for each in some})
        self.pods += new
        await self.settled()

    async def shrink(self, pods: int) -> None:
        """Delete the oldest pods until there are so many, and return when it is done."""
        leaving = self.pods[: len(self.pods) - pods]
        await self.actor.delete_pods(pod_name(each) for each in leaving)
        del self.pods[: len(leaving)]
        await self.settled()

    async def change(
        self, added: Iterable[Json] = (), removed: Iterable[Json] = ()
    ) -> asyncio.Future[Any]:
        """Let rules come and go."""
        said = {"added": list(added), "removed": list(removed)}
        body = {"graph": GRAPH, "firewall": FIREWALL, **said}
        return await self.tell("firewall-changes", GRAPH, body)

    async def chain(self) -> None:
        """Let each pod reach the next one, and return when all policies say so."""
        pairs = list(zip(self.pods, self.pods[1:] + self.pods[:1], strict=True))
        for part in _batches(pairs, AT_ONCE):
            await self.change(added=[rule(*pair, 80) for pair in part])
        await self.settled()

    async def settled(self) -> None:
        """Return when everything said before has had its effect."""
        await self._producer.flush()
        await self.actor.settled(SETTLE_WITHIN)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[Stored]:
        """See every policy that is stored from now on."""
        async with watched(self.actor) as stored:
            yield stored

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds spent until now by workers, their pages, broker and API server."""
        world = self.actor.world
        workers = [each.pid for each in world.workers.workers]
        pids = {"workers": workers, "pages": [page for pid in workers for page in children(pid)]}
        if isinstance(world.broker, ApacheBroker):
            pids["broker"] = [node.process.pid for node in world.broker.nodes]
        if isinstance(world.kubernetes, ApiServer):
            server = world.kubernetes
            pids["API server"] = [server.apiserver.pid, server.etcd.pid]
        return {name: sum(map(cpu_spent, each)) for name, each in pids.items()}

    def resident(self) -> float:
        """Return the memory of all workers in MB."""
        return sum(_resident(each.pid) for each in self.actor.world.workers.workers)

    async def lag(self) -> dict[str, int]:
        """Return how many records of each topic wait, over all workers."""
        found: dict[str, int] = {}
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            for worker in self.actor.world.workers.workers:
                for line in (await http.get(f"{worker.url}/metrics")).text.splitlines():
                    if line.startswith("vereflow_consumer_lag{"):
                        name, value = line.split('"')[1], float(line.rsplit(" ", 1)[1])
                        found[name] = found.get(name, 0) + int(value)
        return found


@asynccontextmanager
async def ground(folder: Path, workers: int, parts: Json) -> AsyncIterator[Ground]:
    """Start a world of these parts."""
    async with acting(folder, workers, **parts) as actor:
        broker = actor.world.settings.kafka.broker
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            yield Ground(actor, producer)


def rule(source: int, destination: int, port: int) -> Json:
    """Return one exact rule between two pods."""
    return {
        "action": "ALLOW",
        "source": address(source),
        "destination": address(destination),
        "protocol": "TCP",
        "dstPort": str(port),
    }


def pod_name(number: int) -> str:
    """Return the name of one pod."""
    return f"pod-{number}"


def _batches(items: list[Any], size: int) -> Iterable[list[Any]]:
    return (items[first : first + size] for first in range(0, len(items), size))


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that run."""
    told = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in told for child in each.read_text().split()]


def cpu_spent(pid: int) -> float:
    """Return the CPU seconds a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0
