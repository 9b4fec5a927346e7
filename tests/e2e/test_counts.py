"""How much is written and read: counted at the servers and topics, never more than what follows."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.demo.stage import FIREWALL
from deploy.local.broker import quirks
from deploy.local.kubernetes.server import KubernetesServer
from deploy.login import client_options
from streams.topics import specs
from tables.catalog import NAMES
from tests.e2e.acting import Actor, acting, until_true
from tests.e2e.conftest import Start

PODS = {f"pod-{letter}": f"10.244.7.{number}" for number, letter in enumerate("abcde", 11)}
A, B, C, D, E = PODS.values()


def allow(source: str, destination: str) -> dict[str, object]:
    return {
        "action": "ALLOW",
        "source": source,
        "destination": destination,
        "protocol": "TCP",
        "srcPort": "*",
        "dstPort": "80",
        "directional": True,
    }


async def spent(actor: Actor) -> tuple[int, int]:
    return len(actor.policy_writes()), len(actor.graph_writes())


@pytest.mark.count("C1", "C2")
async def test_each_event_costs_no_more_writes_than_what_it_changes(start: Start) -> None:
    actor = await start()
    for name, address in PODS.items():
        before = await spent(actor)
        await actor.create_pods({name: address})
        await actor.settled()
        policies, graph = await spent(actor)
        assert (policies - before[0], graph - before[1]) == (1, 2), name

    before = await spent(actor)
    await actor.write_rules([allow(A, B), allow(C, B)])
    await actor.settled()
    # One of Verefoo's writes is our own: somebody put the rules there.
    assert [now - then for now, then in zip(await spent(actor), before, strict=True)] == [3, 1]

    before = await spent(actor)
    await actor.write_rules([allow(C, B), allow(A, B)])
    await actor.settled()
    assert [now - then for now, then in zip(await spent(actor), before, strict=True)] == [0, 1]

    before = await spent(actor)
    await actor.delete_pod("pod-a")
    await actor.settled()
    policies, graph = await spent(actor)
    # Its own policy and its one peer's; the rule, the edge and the node.
    assert (policies - before[0], graph - before[1]) == (2, 3)

    before = await spent(actor)
    await actor.delete_pod("pod-e")
    await actor.settled()
    policies, graph = await spent(actor)
    assert (policies - before[0], graph - before[1]) == (1, 2)


@pytest.mark.count("C4", "C5")
async def test_an_unchanged_world_costs_nothing(start: Start) -> None:
    actor = await start(workers=2)
    await actor.create_pods(PODS)
    await actor.write_rules([allow(A, B), allow(C, B), allow(D, E)])
    await actor.settled()
    before, policies = await spent(actor), await actor.policies()

    # A wait is a listing and a poll.
    await actor.settled()
    assert await spent(actor) == before

    for topic in ("pod-events", "firewall-changes"):
        said = [(record.key, record.value) for record in await actor.consume(topic)]
        assert said
        for _ in range(2):
            await actor.produce(topic, said)
    await actor.settled()
    assert await spent(actor) == before

    await actor.world.workers.stop()
    await actor.world.workers.start()
    await actor.settled()
    assert await spent(actor) == before
    assert await actor.policies() == policies
    assert await actor.dead_letters() == {}


@pytest.mark.count("C3", "C6")
async def test_a_rule_costs_these_records_and_policies_and_said_again_only_its_fact(
    tmp_path: Path,
) -> None:
    async with acting(tmp_path, 1) as actor:
        await actor.create_pods(PODS)
        await actor.settled()
        rule = json.dumps({"firewall": FIREWALL, "added": [allow(A, B)]}).encode()
        ends, compiled = await all_written(actor), await policies_compiled(actor)

        await actor.produce("firewall-changes", [(b"main", rule)])
        once = {
            **{"firewall-changes": 1, "graph-facts": 1},
            **{"pod-rules": 2, "policy-patches.local": 2, "patch-outcomes": 2},
            # The rule, and which change it was; its two ends.
            **{"vereflow-graph-rules-changelog": 2, "vereflow-graph-pods-changelog": 2},
            **{f"vereflow-{table}-changelog": 2 for table in ("pod-rules", "wanted", "policies")},
        }
        await until_written(actor, ends, once)
        assert await policies_compiled(actor) == compiled + 2

        await actor.produce("firewall-changes", [(b"main", rule)])
        again = {"firewall-changes": 1, "graph-facts": 1, "vereflow-graph-rules-changelog": 1}
        await until_written(actor, ends + Counter(once), again)
        assert await policies_compiled(actor) == compiled + 2


async def until_written(actor: Actor, before: Counter[str], more: dict[str, int]) -> None:
    """Return when so many records more lie there; fail if it becomes another number."""

    async def all_there() -> bool:
        return dict(await written(actor) - before) == more

    with suppress(AssertionError):
        await until_true(all_there, 60)
    assert dict(await all_written(actor) - before) == more


async def all_written(actor: Actor) -> Counter[str]:
    """Return how many records there are once no more come: rows are told with the next commit."""
    found = await written(actor)
    for _ in range(20):
        await asyncio.sleep(3)
        before, found = found, await written(actor)
        if found == before:
            return found
    raise AssertionError("it is never quiet")


async def written(actor: Actor) -> Counter[str]:
    """Return how many records each topic and changelog had so far."""
    quirks.install()
    settings = actor.world.settings
    places = [
        TopicPartition(spec.name, number)
        for spec in specs(settings, NAMES)
        for number in range(spec.partitions)
    ]
    async with AIOKafkaConsumer(**client_options(settings.kafka)) as consumer:
        ends = await consumer.end_offsets(places)
    found: Counter[str] = Counter()
    for place, end in ends.items():
        found[place.topic] += end
    return found


async def policies_compiled(actor: Actor) -> int:
    """Return how many policies all workers have computed so far, as their metrics say."""
    name, found = "vereflow_policies_compiled_total ", 0
    async with httpx.AsyncClient(trust_env=False) as http:
        for worker in actor.world.workers.workers:
            lines = (await http.get(f"{worker.url}/metrics")).text.splitlines()
            found += sum(int(float(line[len(name) :])) for line in lines if line.startswith(name))
    return found


@pytest.mark.count("C9")
async def test_nothing_is_read_for_an_event_but_whether_a_pod_lives_before_its_policy_comes_or_goes(
    tmp_path: Path,
) -> None:
    async with acting(tmp_path, 1) as actor:
        await actor.create_pods(PODS)
        await actor.settled()
        server = actor.world.kubernetes
        assert isinstance(server, KubernetesServer)

        async def reads(act: Awaitable[None], writes: int) -> dict[tuple[str, str], int]:
            server.requests.reads.clear()
            before = len(actor.policy_writes())
            await act
            await actor.until(lambda: len(actor.policy_writes()) >= before + writes)
            found = dict(server.requests.reads)
            return {what: count for what, count in found.items() if what[1] != "leases"}

        assert await reads(actor.write_rules([allow(A, B), allow(C, B)]), 3) == {}
        assert await reads(actor.write_rules([allow(C, B)]), 2) == {}
        assert await reads(actor.delete_pod("pod-c"), 2) == {("GET", "pods"): 1}
        assert await reads(actor.create_pod("pod-c", C), 1) == {("GET", "pods"): 1}
