"""A dead letter's record is sent once more where that is safe, and the letter goes."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from agents.asking.letters import Doing, LetterStays
from deploy.cli.letters import read_letters
from deploy.local.broker.embedded import EmbeddedBroker
from deploy.mending import mend
from streams.records.policies import DeadLetter
from streams.settings import Settings
from tests.inputs.batches import NO_NAME, Made, batch, record

TOPIC, KEY = "firewall-changes", b"main"


async def bury(producer: AIOKafkaProducer, value: bytes, key: bytes | None = KEY) -> str:
    """Send a record that nobody handles, and its letter; return the letter's key."""
    sent = await producer.send_and_wait(TOPIC, value, key, partition=1, headers=[("by", b"me")])
    return await send_letter(producer, sent, value)


async def send_letter(producer: AIOKafkaProducer, sent: Any, value: bytes) -> str:
    """Send the letter of a record that lies somewhere; return its key."""
    letter = DeadLetter(
        topic=TOPIC,
        partition=1,
        offset=sent.offset,
        reason="unknown-graph",
        raw=base64.b64encode(value).decode(),
        at=time.time(),
    )
    place = f"{TOPIC}/1/{sent.offset}"
    await producer.send_and_wait("dead-letters", letter.to_bytes(), place.encode())
    return place


async def test_a_letter_is_retried_or_dropped_and_stays_where_that_would_overrule(
    embedded: EmbeddedBroker, settings: Settings
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=embedded.bootstrap) as producer:
        older = await bury(producer, b"older")
        other = await bury(producer, b"other", b"another")
        newest = await bury(producer, b"newest")

    with pytest.raises(LetterStays, match="1 newer records have its key"):
        await mend(settings, Doing.RETRY, older)
    await mend(settings, Doing.RETRY, newest)
    await mend(settings, Doing.DROP, older)
    with pytest.raises(LetterStays, match="no dead letter"):
        await mend(settings, Doing.DROP, older)

    letters, _ = await read_letters(settings)
    assert [each["key"] for each in letters] == [other]
    *_, again = await everything(embedded)
    assert (again.key, again.value, again.headers) == (KEY, b"newest", (("by", b"me"),))


@pytest.mark.row("E48")
async def test_a_record_is_retried_without_a_header_that_has_no_name_and_a_torn_one_is_not(
    embedded: EmbeddedBroker, settings: Settings
) -> None:
    named = record(0, b"meant", b"one", [(b"by", b"me"), (NO_NAME, b"x")])
    torn = record(0, b"torn", b"two", count=-1)
    async with AIOKafkaProducer(bootstrap_servers=embedded.bootstrap) as producer:
        places = []
        for each in (named, torn):
            sent = await (await producer.send_batch(Made(batch(each)), TOPIC, partition=1))
            places.append(await send_letter(producer, sent, each))

    await mend(settings, Doing.RETRY, places[0])
    with pytest.raises(LetterStays, match="its record cannot be read"):
        await mend(settings, Doing.RETRY, places[1])

    *_, again = await everything(embedded)
    assert (again.key, again.value, again.headers) == (b"one", b"meant", (("by", b"me"),))


async def everything(embedded: EmbeddedBroker) -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=embedded.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        place = TopicPartition(TOPIC, 1)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        return [await consumer.getone() for _ in range(end)]
    finally:
        await consumer.stop()
