"""The history of a graph is read beside the system: where to begin, up to when, and why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from agents.asking.moments import NOW, Moment
from agents.ownership import partition_of
from deploy.cli import facts as reading
from deploy.cli.facts import History, NoHistory, open_history
from streams.codec import encode
from streams.flow.framing import KeyFrame
from streams.records.base import Record
from streams.records.cause import Cause
from streams.records.facts import FirewallChange, GraphFact
from streams.records.rules import Action
from streams.settings import Settings

Json = dict[str, Any]


@pytest.fixture
async def history(settings: Settings) -> AsyncIterator[History]:
    async with open_history(settings) as history:
        yield history


class Writer:
    """Writes what workers write, to the graph's partition unless another is named."""

    def __init__(self, producer: AIOKafkaProducer, settings: Settings) -> None:
        self._producer = producer
        self._here = partition_of(settings.graph.name, settings.kafka.partitions)

    async def write(self, topic: str, record: Record | bytes) -> int:
        """Return the offset at which a record lies."""
        raw = record if isinstance(record, bytes) else encode(record)
        sent = await self._producer.send_and_wait(topic, raw, partition=self._here)
        return int(sent.offset)

    async def fact(self, graph: str = "main") -> int:
        change = FirewallChange(graph=graph, firewall="10.0.0.1", default_action=Action.DENY)
        return await self.write("graph-facts", GraphFact(graph=graph, change=change))

    async def frame(self, at: int, part: int = 1, of: int = 1, graph: str = "main") -> int:
        return await self.write("key-frames", KeyFrame(graph=graph, at=at, part=part, of=of))


@pytest.fixture
async def writer(settings: Settings) -> AsyncIterator[Writer]:
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.broker) as producer:
        yield Writer(producer, settings)


async def offsets(history: History, after: int, until: Moment = NOW) -> list[int]:
    return [source.offset async for _, source in history.facts(after, until)]


async def begins(history: History, moment: Moment = NOW) -> list[tuple[int, int]]:
    return [(part.at, part.part) for part in await history.frame(moment)]


async def pause() -> float:
    """Return a time that lies between what was written before and what will be."""
    await asyncio.sleep(0.05)
    between = time.time()
    await asyncio.sleep(0.05)
    return between


async def test_facts_are_read_up_to_a_time_or_an_offset(history: History, writer: Writer) -> None:
    for _ in range(3):
        await writer.fact()
    between = await pause()
    await writer.fact()

    assert await offsets(history, -1) == [0, 1, 2, 3]
    assert await offsets(history, 1) == [2, 3]
    assert await offsets(history, -1, Moment(time=between)) == [0, 1, 2]
    assert await offsets(history, -1, Moment(offset=1)) == [0, 1]
    assert await offsets(history, 3) == []


async def test_what_is_no_fact_of_the_graph_is_passed_over(
    history: History, writer: Writer
) -> None:
    await writer.write("graph-facts", b"\xff no fact")
    await writer.fact("another")
    mine = await writer.fact()

    assert await offsets(history, -1) == [mine]


async def test_a_replay_begins_at_the_newest_whole_frame_before_the_moment(
    history: History, writer: Writer
) -> None:
    assert await begins(history) == []
    await writer.frame(10, part=1, of=2)
    assert await begins(history) == []
    await writer.frame(10, part=2, of=2)
    await writer.write("key-frames", b"no frame")
    between = await pause()
    await writer.frame(20)
    await writer.frame(90, graph="another")
    await writer.frame(30, part=1, of=2)

    assert await begins(history) == [(20, 1)]
    assert await begins(history, Moment(time=between)) == [(10, 1), (10, 2)]
    assert await begins(history, Moment(offset=19)) == [(10, 1), (10, 2)]
    assert await begins(history, Moment(offset=20)) == [(20, 1)]
    assert await begins(history, Moment(offset=9)) == []


async def test_a_frame_is_found_that_lies_far_back(
    history: History, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "STEP", 2)
    for part in range(1, 6):
        await writer.frame(10, part=part, of=5)
    for part in range(1, 8):
        await writer.frame(20, part=part, of=8)

    assert await begins(history) == [(10, part) for part in range(1, 6)]


async def test_what_is_not_kept_any_more_is_said(
    history: History, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await writer.fact()

    async def two_are_gone(places: list[Any]) -> dict[Any, int]:
        return {place: 2 if "facts" in place.topic else 0 for place in places}

    monkeypatch.setattr(history._consumer, "beginning_offsets", two_are_gone)
    with pytest.raises(NoHistory, match="no key frame was written yet"):
        await history.frame(NOW)
    with pytest.raises(NoHistory, match="facts 1 to 1 are not kept any more"):
        await offsets(history, 0)
    assert await offsets(history, 1) == [2]


async def test_a_cause_says_what_its_record_said(history: History, writer: Writer) -> None:
    change = FirewallChange(graph="main", firewall="10.0.0.1", default_action=Action.DENY)
    offset = await writer.write("firewall-changes", change)
    here = writer._here

    def cause(topic: str = "firewall-changes", at: int = offset) -> Cause:
        return Cause(topic=topic, partition=here, offset=at)

    assert await history.caused(cause()) == change
    assert await history.caused(cause(at=offset + 1)) is None
    assert await history.caused(cause("another")) is None
    await writer.write("firewall-changes", b"no change")
    assert await history.caused(cause(at=offset + 1)) is None


async def test_topics_that_are_missing_are_named_with_the_command_that_makes_them(
    settings: Settings,
) -> None:
    other = settings.model_copy(
        update={"kafka": settings.kafka.model_copy(update={"prefix": "elsewhere-"})}
    )
    with pytest.raises(NoHistory, match=r"elsewhere-key-frames.*vereflow init"):
        async with open_history(other):
            pass
