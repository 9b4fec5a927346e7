"""Wait until everything said before has had its effect: a barrier through the whole pipeline.

reads   patch-outcomes
writes  barriers
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.consumers import make_consumer, stop_consumer
from deploy.login import client_options
from deploy.provision import MissingTopics, absent
from streams.codec import Poison, decode
from streams.flow.output import BARRIERS, PATCH_OUTCOMES
from streams.records.marks import BarrierRequest, MarkKind
from streams.records.policies import PatchOutcome
from streams.settings import Settings
from streams.topics import names

# A record under a foreign key travels once more, and a rule that leaves with its pod is announced
# behind the first barrier: the second is behind both.
ROUNDS = 2
ASK_EVERY = 3.0
ALIGNER = -1
CONNECT_WITHIN = 10.0

Heard = tuple[str, str, int]
"""The graph, the cluster, or none for the graph itself, and the partition."""


async def wait_for_effects(settings: Settings, within: float) -> list[str]:
    """Return nothing when all is done, else what had not been heard from when time was up.

    Raise MissingTopics if nobody made them, TimeoutError if the broker does not answer in time.
    """
    deadline = time.monotonic() + within
    client = client_options(settings.kafka)
    await _require_topics(settings, client)
    consumer = make_consumer(auto_offset_reset="latest", **client)
    async with AIOKafkaProducer(**client) as producer:
        await consumer.start()
        try:
            async with asyncio.timeout(max(within, CONNECT_WITHIN)):
                await _go_to_end(consumer, settings)
            for _ in range(ROUNDS):
                silent = await _one_round(settings, producer, consumer, deadline)
                if silent:
                    return silent
            return []
        finally:
            await stop_consumer(consumer)


async def _require_topics(settings: Settings, client: Mapping[str, Any]) -> None:
    # A client that asks for a topic which is not there asks for as long as it may.
    plain = names(settings)
    lacking = await absent((plain[BARRIERS], plain[PATCH_OUTCOMES]), **client)
    if lacking:
        raise MissingTopics(f"no such topics: {', '.join(lacking)}; run `vereflow init`")


async def _go_to_end(consumer: Any, settings: Settings) -> None:
    outcomes = names(settings)[PATCH_OUTCOMES]
    places = [TopicPartition(outcomes, each) for each in range(settings.kafka.partitions)]
    consumer.assign(places)
    for place, end in (await consumer.end_offsets(places)).items():
        consumer.seek(place, end)


async def _one_round(
    settings: Settings, producer: Any, consumer: Any, deadline: float
) -> list[str]:
    barrier = uuid.uuid4().hex
    graph = settings.graph.name
    numbers = range(settings.kafka.partitions)
    missing = {(graph, cluster, each) for cluster in settings.clusters for each in numbers}
    missing.add((graph, "", ALIGNER))
    asked = -math.inf
    while missing:
        now = time.monotonic()
        if now >= deadline:
            return [_words(each) for each in sorted(missing)]
        if now - asked >= ASK_EVERY:
            # Again and again: whoever heard it may be gone, and twice is as good as once.
            asked = now
            await _try_to_ask(settings, producer, barrier, deadline - now)
        wait = max(1, int(1000 * min(0.2, deadline - time.monotonic())))
        for records in (await consumer.getmany(timeout_ms=wait)).values():
            missing -= set(_answers(records, barrier))
    return []


async def _try_to_ask(settings: Settings, producer: Any, barrier: str, within: float) -> None:
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await _ask(settings, producer, barrier)
    except KafkaError as error:
        # A broker that is away for a moment is asked again, as long as there is time.
        if not error.retriable:
            raise


async def _ask(settings: Settings, producer: Any, barrier: str) -> None:
    topic = names(settings)[BARRIERS]
    request = BarrierRequest(id=barrier, at=time.time()).to_bytes()
    await asyncio.gather(
        *(
            producer.send_and_wait(topic, request, barrier.encode(), partition=each)
            for each in range(settings.kafka.partitions)
        )
    )


def _answers(records: Iterable[Any], barrier: str) -> Iterable[Heard]:
    for record in records:
        outcome = decode(record.value or b"", PatchOutcome)
        mark = None if isinstance(outcome, Poison) else outcome.mark
        if mark is not None and mark.kind is MarkKind.BARRIER and mark.id == barrier:
            yield mark.graph, "" if mark.partition == ALIGNER else mark.cluster, mark.partition


def _words(heard: Heard) -> str:
    graph, cluster, partition = heard
    if partition == ALIGNER:
        return f"the aligner of graph {graph}"
    return f"the policy applier of partition {partition} at cluster {cluster} (graph {graph})"
