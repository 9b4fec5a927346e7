"""The newest records of a topic are read from any broker."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer

from deploy.cli.broker import read_newest
from deploy.local.broker.embedded import EmbeddedBroker
from deploy.provision import MissingTopics, provision
from streams.settings import Settings, load
from streams.topicspec import TopicSpec
from tests.integration.broker.conftest import Broker, adapt

LETTERS = TopicSpec("letters", 2, 1)


@pytest.fixture
async def settings(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Settings:
    await provision([LETTERS], bootstrap_servers=broker.bootstrap)
    if isinstance(broker, EmbeddedBroker):
        adapt(monkeypatch)
    return load(kafka={"broker": broker.bootstrap})


async def test_the_newest_of_each_partition_are_read_and_older_ones_noticed(
    broker: Broker, settings: Settings
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        for number in range(10):
            sent = str(number).encode()
            await producer.send_and_wait(LETTERS.name, sent, partition=number % 2)

    newest, more = await read_newest(settings, LETTERS.name, 2)
    everything, no_more = await read_newest(settings, LETTERS.name, 5)

    assert sorted(int(record.value) for record in newest) == [6, 7, 8, 9]
    assert sorted(int(record.value) for record in everything) == list(range(10))
    assert (more, no_more) == (True, False)


async def test_an_empty_topic_has_no_records_and_a_missing_one_says_so(settings: Settings) -> None:
    assert await read_newest(settings, LETTERS.name, 5) == ([], False)
    with pytest.raises(MissingTopics, match="no such topic: nowhere"):
        await read_newest(settings, "nowhere", 5)
