"""Two traps of a first start on Kafka: a topic nobody made, and one not known everywhere yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from deploy.local.broker.apache import ApacheBroker
from deploy.provision import MissingTopics, check, provision
from streams.settings import Settings, load
from streams.topics import specs
from tables.catalog import NAMES
from tests.real import needs_java

pytestmark = needs_java
ROUNDS = 5


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ApacheBroker]:
    async with ApacheBroker(tmp_path / "kafka", nodes=3) as cluster:
        yield cluster


def settings(broker: ApacheBroker, prefix: str = "") -> Settings:
    return load(kafka={"broker": broker.bootstrap, "prefix": prefix, "app_id": f"{prefix}app"})


async def test_a_topic_that_is_only_sent_to_is_asked_for_before_a_worker_runs(
    cluster: ApacheBroker,
) -> None:
    topics = specs(settings(cluster), NAMES)
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap) as producer:
        # The trap: nobody makes it, and who sends to it waits without an end.
        with pytest.raises((TimeoutError, KafkaError)):
            async with asyncio.timeout(3):
                await producer.send_and_wait(topics[0].name, b"{}")
        with pytest.raises(MissingTopics, match="run `vereflow init`") as caught:
            await check(topics, bootstrap_servers=cluster.bootstrap)
        assert [spec.name for spec in topics if spec.name not in str(caught.value)] == []

        await provision(topics, bootstrap_servers=cluster.bootstrap)

        async with asyncio.timeout(60):
            for spec in topics:
                key = b"k" if spec.compacted else None
                await producer.send_and_wait(spec.name, b"{}", key)


async def test_what_was_created_is_known_to_every_broker_before_a_worker_runs(
    cluster: ApacheBroker,
) -> None:
    for number in range(ROUNDS):
        topics = specs(settings(cluster, f"round-{number}-"), NAMES)
        changelogs = [spec for spec in topics if spec.name.endswith("-changelog")]
        assert len(changelogs) == len(NAMES)

        await provision(topics, bootstrap_servers=cluster.bootstrap)

        for node in cluster.nodes:
            # A worker's own view may come from any of them, and a changelog that it does not find
            # is ignored until the next start, while every event of its table is lost.
            assert await led_partitions(node.port) >= {
                (spec.name, number) for spec in topics for number in range(spec.partitions)
            }


async def led_partitions(port: int) -> set[tuple[str, int]]:
    """Return the partitions that one broker knows the leader of, asked once."""
    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}")
    await admin.start()
    try:
        node = next(each.nodeId for each in admin._client.cluster.brokers() if each.port == port)
        answer = await admin._send_request(MetadataRequest(None), node)
    finally:
        await admin.close()
    return {
        (topic[1], partition[1])
        for topic in answer.topics
        for partition in topic[-1]
        if partition[2] >= 0
    }
