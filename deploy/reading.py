"""Read the newest records of topics beside those who handle them: no group, no commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.asking.newest import Newest, newest
from deploy.consumers import stop_consumer
from deploy.login import client_options
from streams.settings import Settings
from streams.settings_kafka import KafkaSettings
from streams.topics import names


async def read_newest(kafka: KafkaSettings, places: Sequence[TopicPartition], most: int) -> Newest:
    """Return so many of the newest records of each partition."""
    consumer = AIOKafkaConsumer(
        auto_offset_reset="earliest", enable_auto_commit=False, **client_options(kafka)
    )
    await consumer.start()
    try:
        return await newest(consumer, places, most)
    finally:
        await stop_consumer(consumer)


async def read_topics(settings: Settings, topics: Iterable[str], most: int) -> dict[str, Newest]:
    """Return so many of the newest records of each partition, by the plain names of topics."""
    known = {plain.partition(".")[0]: name for plain, name in names(settings).items()}
    wanted = {known[topic]: topic for topic in topics}
    numbers = range(settings.kafka.partitions)
    places = [TopicPartition(name, number) for name in wanted for number in numbers]
    found = await read_newest(settings.kafka, places, most)
    return {
        topic: Newest([each for each in found.records if each.topic == name], found.more)
        for name, topic in wanted.items()
    }
