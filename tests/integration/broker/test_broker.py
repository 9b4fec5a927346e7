"""The embedded broker comes up, answers and goes away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from deploy.consumers import members
from deploy.local.broker import quirks
from deploy.local.broker.apache import ApacheBroker
from deploy.local.broker.embedded import EmbeddedBroker
from deploy.local.broker.errors import BrokerNotReady
from deploy.local.broker.secured import ADMIN
from deploy.provision import provision
from streams.topicspec import TopicSpec
from tests.integration.broker.conftest import Broker, adapt
from tests.processes import runs
from tests.real import needs_java

PARTITION = TopicPartition("numbers", 0)


async def send_batch(broker: Broker, count: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        batch = producer.create_batch()
        for number in range(count):
            batch.append(key=None, value=str(number).encode(), timestamp=None)
        batch.close()
        await (await producer.send_batch(batch, PARTITION.topic, partition=PARTITION.partition))


async def test_a_stopped_broker_is_gone() -> None:
    broker = EmbeddedBroker()
    await broker.start()
    pid = broker.pid

    broker.stop()

    assert not runs(pid)
    with pytest.raises(RuntimeError, match="it was not started"):
        _ = broker.pid


async def test_two_brokers_do_not_know_each_other(embedded: EmbeddedBroker) -> None:
    async with EmbeddedBroker() as other:
        assert other.bootstrap != embedded.bootstrap
        assert other.pid != embedded.pid


async def test_a_broker_that_ends_at_once_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.broker.embedded._binary", lambda: "false")

    with pytest.raises(BrokerNotReady, match="no answer"):
        await EmbeddedBroker().start()


async def test_the_end_of_a_partition_counts_the_whole_last_batch(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await provision([TopicSpec(PARTITION.topic, 1, 1)], bootstrap_servers=broker.bootstrap)
    await send_batch(broker, 5)

    adapt(monkeypatch)
    quirks.install()
    async with AIOKafkaConsumer(bootstrap_servers=broker.bootstrap) as consumer:
        ends: dict[Any, int] = await consumer.end_offsets([PARTITION])

    assert ends == {PARTITION: 5}


async def test_who_fell_silent_is_no_member_after_a_session_and_offsets_may_be_moved(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(broker, EmbeddedBroker):
        adapt(monkeypatch)
    await provision([TopicSpec(PARTITION.topic, 1, 1)], bootstrap_servers=broker.bootstrap)
    await send_batch(broker, 5)
    group = {"bootstrap_servers": broker.bootstrap, "group_id": "counters"}
    session = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 1500}

    async with AIOKafkaConsumer(PARTITION.topic, **group, **session) as member:
        await member.commit({PARTITION: 5})
        # As if it was killed.
        monkeypatch.setattr(member._coordinator, "_maybe_leave_group", nothing)
    assert await members("counters", bootstrap_servers=broker.bootstrap) == 1
    for _ in range(40):
        if not (left := await members("counters", bootstrap_servers=broker.bootstrap)):
            break
        await asyncio.sleep(0.5)
    assert left == 0

    async with AIOKafkaConsumer(**group, enable_auto_commit=False) as nobody:
        nobody.assign([PARTITION])
        await nobody.commit({PARTITION: 2})
        assert await nobody.committed(PARTITION) == 2
    async with AIOKafkaConsumer(PARTITION.topic, **group, **session) as next_one:
        assert await next_one.position(PARTITION) == 2


@pytest.mark.timeout(180)
@pytest.mark.parametrize("first", [0, 1], ids=["leader-first", "follower-first"])
async def test_two_that_left_one_right_after_the_other_join_again(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    if isinstance(broker, EmbeddedBroker):
        adapt(monkeypatch)
    await provision([TopicSpec(PARTITION.topic, 2, 1)], bootstrap_servers=broker.bootstrap)
    for _ in range(2):
        # The first leads, for it was there alone.
        pair = [member(broker), member(broker)]
        for each in pair:
            await each.start()
        for _ in range(60):
            if all(len(each.assignment()) == 1 for each in pair):
                break
            await asyncio.sleep(0.25)
        shared = [each.assignment() for each in pair]
        await pair[first].stop()
        await pair[1 - first].stop()
        assert sorted(map(len, shared)) == [1, 1]


def member(broker: Broker) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        PARTITION.topic,
        bootstrap_servers=broker.bootstrap,
        group_id="pair",
        # Kafka lets nobody be missed sooner.
        session_timeout_ms=2000 if isinstance(broker, EmbeddedBroker) else 6000,
        heartbeat_interval_ms=250,
    )


async def nothing() -> None:
    """Do as if it was done."""


@needs_java
async def test_who_has_a_login_asks_kafka_itself_for_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapt(monkeypatch)
    async with ApacheBroker(tmp_path / "kafka", secured=True) as broker:
        assert broker.secured is not None
        told = {"bootstrap_servers": broker.bootstrap, **broker.secured.client(ADMIN)}
        await provision([TopicSpec(PARTITION.topic, 1, 1)], **told)
        async with AIOKafkaProducer(**told) as producer:
            await producer.send_and_wait(PARTITION.topic, b"1", partition=0)
        async with AIOKafkaConsumer(**told) as consumer:
            ends: dict[Any, int] = await consumer.end_offsets([PARTITION])

    assert ends == {PARTITION: 1}


@needs_java
async def test_kafka_keeps_what_is_noted_beside_an_offset(tmp_path: Path) -> None:
    # The embedded broker does not, and loses no end of a changelog: it has all in memory, or none.
    told = OffsetAndMetadata(3, '{"pods": 12}')
    async with ApacheBroker(tmp_path / "kafka") as broker:
        await provision([TopicSpec(PARTITION.topic, 1, 1)], bootstrap_servers=broker.bootstrap)
        consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, group_id="g")
        async with consumer:
            consumer.assign([PARTITION])
            await consumer.commit({PARTITION: told})
            found = await consumer._coordinator.fetch_committed_offsets([PARTITION])

    assert found == {PARTITION: told}
