"""A rule change on its way to the cluster, beside what its hops cost without us."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.demo.stage import POLICIES
from deploy.local.broker import quirks
from tests.benchmarks.watching import watched
from tests.e2e.acting import Actor, acting

CHANGES = 200
PER_SECOND = 5
PODS = {f"pod-{number:02d}": f"10.244.7.{number + 1}" for number in range(20)}
# firewall-changes, graph-facts, pod-rules, policy-patches.
HOPS = 4
PROBES = 100
CAUSE = "vereflow.io/cause"
POLLS = 20


async def main(parts: dict[str, Any]) -> None:
    """Run one world of these parts and print its figures."""
    # The bare hop below has the broker's cure as well.
    quirks.install()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        async with acting(Path(folder), workers=1, **parts) as actor:
            print(f"start to ready            {time.monotonic() - began:8.1f} s")
            await actor.create_pods(PODS)
            await actor.settled()
            hop = await bare_hops(actor)
            patch = await bare_patches(actor)
            changes = await rule_changes(actor)
            polls = await polled_changes(actor)
            limit = [HOPS * statistics.median(hop) + statistics.median(patch)]
            show("bare aiokafka hop", hop)
            show("bare PATCH", patch)
            show(f"limit: {HOPS} hops + PATCH", limit)
            show("record -> policy stored", changes)
            ratio = statistics.median(changes) / limit[0]
            print(f"ours / limit (medians)    {ratio:8.2f}")
            show("PUT to Verefoo -> stored", polls)
            print(f"worker RSS                {resident(actor):8.0f} MB")


def show(name: str, seconds: Sequence[float]) -> None:
    """Print the median and the 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    last = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    middle = statistics.median(ordered)
    print(f"{name:26s}{middle * 1000:8.1f} ms p50 {last * 1000:8.1f} ms p99  n={len(ordered)}")


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
    headers = {"Content-Type": "application/apply-patch+yaml"}
    taken = []
    assert actor.world.kubernetes is not None
    async with actor.world.kubernetes.client() as http:
        for number in range(PROBES):
            body = {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "probe", "annotations": {"n": str(number)}},
                "spec": {"podSelector": {"matchLabels": {"app": "nobody"}}},
            }
            began = time.monotonic()
            answer = await http.patch(
                f"{POLICIES}/probe?fieldManager=probe", content=json.dumps(body), headers=headers
            )
            answer.raise_for_status()
            taken.append(time.monotonic() - began)
        (await http.delete(f"{POLICIES}/probe")).raise_for_status()
    return taken


async def rule_changes(actor: Actor) -> list[float]:
    """Return, for every policy that a change touches, the time until it was stored."""
    sent: dict[str, float] = {}
    broker = actor.world.settings.kafka.broker
    async with watched(actor) as stored, AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for number in range(CHANGES):
            began = time.monotonic()
            at = await producer.send_and_wait("firewall-changes", _change(number), b"main")
            sent[f"{at.topic}/{at.partition}/{at.offset}"] = began
            await asyncio.sleep(max(0.0, 1 / PER_SECOND - (time.monotonic() - began)))
        await actor.settled()
        await stored.until(2 * CHANGES)
    causes = [(at, policy["metadata"]["annotations"][CAUSE]) for at, policy in stored.seen]
    assert len(causes) == 2 * CHANGES, f"{len(causes)} policies were written"
    return [at - sent[cause] for at, cause in causes]


def _change(number: int) -> bytes:
    addresses = list(PODS.values())
    # Each turn one rule comes, or the one before goes: two policies change.
    pair = number // 2 % (len(addresses) - 1)
    rule = {
        "action": "ALLOW",
        "source": addresses[pair],
        "destination": addresses[pair + 1],
        "protocol": "TCP",
        "dstPort": "443",
    }
    said = {"added": [rule]} if number % 2 == 0 else {"removed": [rule]}
    return json.dumps({"graph": "main", "firewall": "10.0.0.1", **said}).encode()


async def polled_changes(actor: Actor) -> list[float]:
    """Return how long a rule written to Verefoo takes until both its policies are stored."""
    addresses = list(PODS.values())
    taken = []
    async with watched(actor) as stored:
        for number in range(POLLS):
            rule = {
                "action": "ALLOW",
                "source": addresses[0],
                "destination": addresses[1],
                "protocol": "TCP",
                "srcPort": "*",
                "dstPort": str(1000 + number),
                "directional": True,
            }
            began = time.monotonic()
            await actor.write_rules([rule])
            taken.append(await stored.until(2 * number + 2) - began)
    return taken


def resident(actor: Actor) -> float:
    """Return the worker's resident memory in MB."""
    pid = actor.world.workers.workers[0].pid
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    asyncio.run(main({}))
