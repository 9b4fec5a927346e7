"""Waiting ends when all have answered to two barriers, or says who has not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, NodeNotReadyError

from deploy import waiting
from deploy.installation import initialise
from deploy.local.broker.embedded import EmbeddedBroker
from deploy.provision import MissingTopics, absent
from deploy.waiting import ALIGNER, wait_for_effects
from streams.records.marks import BarrierRequest, Mark, MarkKind
from streams.records.policies import PatchOutcome
from streams.settings import Settings

EVERYBODY = (ALIGNER, 0, 1)
Answer = Callable[[str], Iterable[Mark]]


def all_of(barrier: str, graph: str = "main", who: Iterable[int] = EVERYBODY) -> list[Mark]:
    return [
        Mark(kind=MarkKind.BARRIER, id=barrier, graph=graph, cluster="local", partition=number)
        for number in who
    ]


async def test_waiting_ends_after_everybody_answered_to_two_barriers(settings: Settings) -> None:
    await initialise(settings)

    async with workers(settings, all_of) as heard:
        silent = await wait_for_effects(settings, 30)

    asked = list(dict.fromkeys(heard[0]))
    assert silent == []
    assert len(asked) == 2
    assert set(heard[0]) == set(heard[1])


@pytest.mark.parametrize(
    ("answer", "unheard"),
    [
        (lambda barrier: all_of(barrier, who=[ALIGNER, 0]), ["partition 1"]),
        (lambda barrier: all_of(barrier, who=[0, 1]), ["the aligner of graph main"]),
        (lambda barrier: all_of(barrier, graph="other"), ["aligner", "partition 0", "partition 1"]),
        (lambda barrier: all_of("another"), ["aligner", "partition 0", "partition 1"]),
        (
            lambda barrier: [Mark(kind=MarkKind.SYNCED, id=barrier, graph="main")],
            ["aligner", "partition 0", "partition 1"],
        ),
    ],
)
async def test_who_was_not_heard_is_named(
    settings: Settings, answer: Answer, unheard: list[str]
) -> None:
    await initialise(settings)

    async with workers(settings, answer):
        silent = await wait_for_effects(settings, 2)

    assert len(silent) == len(unheard)
    assert all(words in said for words, said in zip(unheard, silent, strict=True))


async def test_what_was_not_heard_is_asked_for_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "ASK_EVERY", 0.3)
    await initialise(settings)
    times: dict[str, int] = {}

    def only_when_asked_twice(barrier: str) -> list[Mark]:
        times[barrier] = times.get(barrier, 0) + 1
        return all_of(barrier) if times[barrier] > 2 else []

    async with workers(settings, only_when_asked_twice):
        silent = await wait_for_effects(settings, 30)

    assert silent == []
    assert len(times) == 2


async def test_a_broker_that_is_not_ready_for_a_moment_is_asked_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "ASK_EVERY", 0.1)
    await initialise(settings)
    really, refusals = waiting._ask, iter([NodeNotReadyError(), NodeNotReadyError()])

    async def ask(*arguments: Any) -> None:
        if error := next(refusals, None):
            raise error
        await really(*arguments)

    monkeypatch.setattr(waiting, "_ask", ask)
    async with workers(settings, all_of):
        assert await wait_for_effects(settings, 30) == []

    assert next(refusals, None) is None


async def test_waiting_for_topics_that_nobody_made_makes_none(settings: Settings) -> None:
    with pytest.raises(MissingTopics, match="barriers, patch-outcomes; run `vereflow init`"):
        await wait_for_effects(settings, 30)

    assert await absent(["barriers"], bootstrap_servers=settings.kafka.broker) == ["barriers"]


async def test_waiting_for_a_broker_that_is_away_fails(
    settings: Settings, broker: EmbeddedBroker
) -> None:
    broker.stop()

    with pytest.raises(KafkaError):
        await wait_for_effects(settings, 30)


async def test_waiting_ends_in_time_although_the_broker_has_gone(
    settings: Settings, broker: EmbeddedBroker
) -> None:
    await initialise(settings)
    waits = asyncio.create_task(wait_for_effects(settings, 3))
    await asyncio.sleep(1)
    broker.stop()

    done, _ = await asyncio.wait({waits}, timeout=90)

    assert done
    assert len(waits.result()) == 3


@asynccontextmanager
async def workers(settings: Settings, answer: Answer) -> AsyncIterator[list[list[str]]]:
    """Somebody who answers to every request, and the ids heard in each partition."""
    heard: list[list[str]] = [[], []]
    servers = settings.kafka.broker
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
    consumer.assign([TopicPartition("barriers", number) for number in range(2)])
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await consumer.start()

        async def work() -> None:
            async for record in consumer:
                request = BarrierRequest.model_validate_json(record.value)
                heard[record.partition].append(request.id)
                assert request.at <= time.time()
                for mark in answer(request.id):
                    outcome = PatchOutcome(mark=mark).to_bytes()
                    where = max(0, mark.partition)
                    await producer.send("patch-outcomes", outcome, partition=where)

        task = asyncio.create_task(work())
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.wait({task})
            await consumer.stop()
