"""Records of a partition that was paused while they were fetched are fetched again."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.provision import provision
from streams.steady import SteadyThread
from tests.integration.broker.conftest import Broker
from tests.integration.broker.two_hops import TOPICS

NOTES = TopicPartition("notes", 0)
COUNT = 4


def thread_of(taken: set[TopicPartition]) -> Any:
    # The real thread opens an event loop of its own, which nobody would close.
    thread: Any = SteadyThread.__new__(SteadyThread)
    thread.consumer = SimpleNamespace(flow_active=True, takes=taken.__contains__)
    thread.log = SimpleNamespace(info=lambda *_: None)
    return thread


async def send(broker: Broker) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        for _ in range(COUNT):
            await producer.send(NOTES.topic, b"{}", partition=NOTES.partition)


async def test_what_was_fetched_for_a_paused_partition_is_fetched_again(broker: Broker) -> None:
    await provision(TOPICS, bootstrap_servers=broker.bootstrap)
    taken = {NOTES}
    thread = thread_of(taken)
    began = time.monotonic()
    async with AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=20
    ) as consumer:
        consumer.assign([NOTES])
        await consumer.position(NOTES)
        under_way = asyncio.create_task(thread._fetch_records(consumer, {NOTES}, timeout=30.0))
        await asyncio.sleep(0)
        taken.clear()
        await send(broker)
        dropped = await under_way
        taken.add(NOTES)
        again: list[int] = []
        for _ in range(2 * COUNT):
            if len(again) < COUNT:
                records = await thread._fetch_records(consumer, {NOTES}, timeout=30.0)
                again += [record.offset for record in records.get(NOTES, [])]

    assert dropped == {}
    assert thread.heard_at > began
    assert again == list(range(COUNT))
