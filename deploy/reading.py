"""Read the newest records of topics beside those who handle them: no group, no commit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.asking.newest import Newest, newest
from deploy.consumers import make_consumer, stop_consumer
from deploy.login import client_options
from streams.settings import Settings
from streams.settings_kafka import KafkaSettings
from streams.topics import names


async def read_newest(kafka: KafkaSettings, places: Sequence[TopicPartition], most: int) -> Newest:
    """Return so many of the newest records of each partition."""
    async with consuming(kafka) as consumer:
        return await newest(consumer, places, most)


@asynccontextmanager
async def consuming(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a consumer that belongs to no group."""
    consumer = make_consumer(auto_offset_reset="earliest", **client_options(kafka))
    await consumer.start()
    try:
        yield consumer
    finally:
        await stop_consumer(consumer)


async def read_topics(settings: Settings, topics: Collection[str], most: int) -> dict[str, Newest]:
    """Return so many of the newest records of each partition, by the plain names of topics.

    What each cluster has of its own is one topic here.
    """
    wanted = {name: plain.partition(".")[0] for plain, name in names(settings).items()}
    places = [
        TopicPartition(name, number)
        for name, topic in wanted.items()
        if topic in topics
        for number in range(settings.kafka.partitions)
    ]
    found = await read_newest(settings.kafka, places, most)
    return {
        topic: Newest([each for each in found.records if wanted[each.topic] == topic], found.more)
        for topic in topics
    }
