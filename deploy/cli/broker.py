"""Ask a broker with a time limit: the client alone would try for minutes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents.asking.newest import Newest
from deploy import reading
from deploy.cli.knocking import why_not
from deploy.login import client_options
from deploy.provision import MissingTopics, absent
from streams.settings import Settings
from streams.topics import names

CONNECT_WITHIN = 10.0
READ_WITHIN = 30.0


class BrokerSilent(ConnectionError):
    """No broker lets us in at the address that is set; the message says why, and what to do."""


async def reach_broker(settings: Settings) -> None:
    """Return if a broker lets us in; raise BrokerSilent if none does in time."""
    kafka = settings.kafka
    admin = AIOKafkaAdminClient(
        request_timeout_ms=int(1000 * CONNECT_WITHIN), **client_options(kafka)
    )
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            with _silent_client():
                await admin.start()
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerSilent(f"broker {kafka.bootstrap}: {await why_not(kafka)}") from error
    finally:
        await admin.close()


@contextmanager
def _silent_client() -> Iterator[None]:
    """Keep the client from saying, attempt by attempt, what is said once in the end."""
    log = logging.getLogger("aiokafka")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


async def read_newest(settings: Settings, topic: str, most: int) -> Newest:
    """Return the newest records of each partition, and whether there are older ones."""
    await reach_broker(settings)
    places = await _places(settings, topic)
    async with asyncio.timeout(READ_WITHIN):
        return await reading.read_newest(settings.kafka, places, most)


async def read_topics(settings: Settings, topics: Collection[str], most: int) -> dict[str, Newest]:
    """Return the same of several topics, by their plain names."""
    await reach_broker(settings)
    wanted = [name for plain, name in names(settings).items() if plain.partition(".")[0] in topics]
    # Asking for what is not there would create it on brokers that create on demand.
    if missing := await absent(wanted, **client_options(settings.kafka)):
        raise MissingTopics(f"no such topics: {', '.join(missing)}; run `vereflow init`")
    async with asyncio.timeout(READ_WITHIN):
        return await reading.read_topics(settings, topics, most)


async def _places(settings: Settings, topic: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**client_options(settings.kafka))
    try:
        await admin.start()
        # Asking for a topic by its name would create it on brokers that create on demand.
        if topic not in await admin.list_topics():
            raise MissingTopics(f"no such topic: {topic}; run `vereflow init`")
        (described,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return [TopicPartition(topic, each["partition"]) for each in described["partitions"]]
