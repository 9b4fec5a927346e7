"""Send the record of a dead letter once more, or drop the letter.

reads   dead-letters, and the topic that the record lay on
writes  the same two
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from agents.asking.letters import Doing, Found, LetterStays, find_letters
from deploy.login import client_options
from deploy.reading import consuming, read_topics
from streams.flow.output import DEAD_LETTERS
from streams.settings import Settings
from streams.settings_kafka import KafkaSettings
from streams.topics import names
from streams.unpacking import flaw_of

# Of each partition: a producer gone wild must cost nobody his memory.
MOST_READ = 5_000
# Behind a record: whatever came since has to be looked at.
MOST_BEHIND = 10_000
WITHIN = 30.0


async def mend(settings: Settings, doing: Doing, key: str) -> None:
    """Do this about one letter; raise LetterStays."""
    async with asyncio.timeout(WITHIN):
        told = await read_topics(settings, (DEAD_LETTERS,), MOST_READ)
        found = find_letters(told[DEAD_LETTERS].records).get(key)
        if found is None:
            raise LetterStays(f"no dead letter {key} is there")
        again = [await _record(settings, found)] if doing is Doing.RETRY else []
        # In this order: a letter whose record was sent twice is better than one that is lost.
        await _send(settings.kafka, [*again, _drop(found, key)])


async def _record(settings: Settings, found: Found) -> dict[str, Any]:
    """Return the record as it is sent once more: the newest under its key, where it lay."""
    letter = found.letter
    if letter.topic not in set(names(settings).values()) or letter.topic == found.record.topic:
        raise LetterStays("its record lay on no topic of ours: mend what the letter names")
    first, *behind = await _since(
        settings.kafka, TopicPartition(letter.topic, letter.partition), letter.offset
    )
    if flaw_of(first.headers) and first.value is None:
        raise LetterStays("its record cannot be read: send anew what is meant")
    newer = sum(each.key == first.key for each in behind)
    if newer:
        raise LetterStays(
            f"{newer} newer records have its key, and it would overrule them: drop it,"
            " and send anew what is still meant"
        )
    return {
        "topic": letter.topic,
        "partition": letter.partition,
        "key": first.key,
        "value": first.value,
        # Under a name that is none it would be refused again.
        "headers": [each for each in first.headers if not flaw_of([each])],
    }


def _drop(found: Found, key: str) -> dict[str, Any]:
    """Return the record without a value that takes a letter away: behind it, in its partition."""
    record = found.record
    return {
        "topic": record.topic,
        "partition": record.partition,
        "key": key.encode(),
        "value": None,
    }


async def _since(kafka: KafkaSettings, place: TopicPartition, offset: int) -> list[Any]:
    """Return the record at an offset, and all behind it."""
    found: list[Any] = []
    async with consuming(kafka) as consumer:
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        if end - offset > MOST_BEHIND:
            raise LetterStays(f"more than {MOST_BEHIND} records came since: send it anew yourself")
        consumer.seek(place, offset)
        while offset < end and await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
    if not found or found[0].offset != offset:
        raise LetterStays("the broker keeps its record no longer: send it anew yourself")
    return found


async def _send(kafka: KafkaSettings, records: Iterable[dict[str, Any]]) -> None:
    async with AIOKafkaProducer(acks="all", **client_options(kafka)) as producer:
        for record in records:
            await producer.send_and_wait(**record)
