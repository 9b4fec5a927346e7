"""What a graph was told, as the broker keeps it: key frames, and every fact in its one order.

reads   key-frames, graph-facts, and whatever a cause names
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import TopicPartition

from agents.asking.moments import NOW, Moment
from agents.ownership import partition_of
from deploy.cli.broker import CONNECT_WITHIN, reach_broker
from deploy.consumers import make_consumer, stop_consumer
from deploy.login import client_options
from deploy.provision import absent
from streams.codec import Poison, decode
from streams.flow.framing import KeyFrame, complete
from streams.flow.output import GRAPH_FACTS, KEY_FRAMES
from streams.records.base import Record
from streams.records.cause import Cause, Source
from streams.records.facts import GraphFact
from streams.settings import Settings
from streams.topics import VOCABULARY, names

# Records of key-frames that are looked at in one go, from the newest on.
STEP = 200
SILENCE = 30.0


class NoHistory(ValueError):
    """The broker does not keep what would be needed; the message says since when it does."""


class History:
    """One graph's history, read beside the running system: no group, no commit."""

    def __init__(self, settings: Settings, consumer: Any) -> None:
        here = partition_of(settings.graph.name, settings.kafka.partitions)
        self._names = names(settings)
        self._plain = {name: plain for plain, name in self._names.items()}
        self._graph = settings.graph.name
        self._consumer = consumer
        self._frames = TopicPartition(self._names[KEY_FRAMES], here)
        self._facts = TopicPartition(self._names[GRAPH_FACTS], here)

    async def frame(self, moment: Moment) -> list[KeyFrame]:
        """Return the parts of the newest frame before a moment; none if all facts are kept.

        Raise NoHistory if neither is there.
        """
        first, last = await self._ends(self._frames)
        found: list[KeyFrame] = []
        while last > first:
            start = max(first, last - STEP)
            found = [*[each async for each in self._parts(start, last, moment)], *found]
            if whole := complete(found):
                return whole
            last = start
        oldest, _ = await self._ends(self._facts)
        if oldest == 0:
            return []
        begins = "no key frame was written yet"
        if found or first:
            begins = "its key frame is not kept any more"
        raise NoHistory(f"the history does not go back that far: {begins}; name a later moment")

    async def facts(
        self, after: int, until: Moment = NOW
    ) -> AsyncIterator[tuple[GraphFact, Source]]:
        """Yield the facts behind an offset up to a moment, and where each lies."""
        first, end = await self._ends(self._facts)
        if after + 1 < first:
            raise NoHistory(f"facts {after + 1} to {first - 1} are not kept any more")
        async for record in self._records(self._facts, after + 1, end):
            source = _source(record)
            if until.is_over(source):
                return
            fact = decode(record.value or b"", GraphFact)
            # What was no fact became a dead letter then, and what was another graph's is not ours.
            if isinstance(fact, GraphFact) and fact.graph == self._graph:
                yield fact, source

    async def caused(self, cause: Cause) -> Record | None:
        """Return the record that a cause names; None if it is not kept any more, or is none."""
        plain = self._plain.get(cause.topic)
        if plain is None:
            return None
        place = TopicPartition(cause.topic, cause.partition)
        first, end = await self._ends(place)
        if not first <= cause.offset < end:
            return None
        async for record in self._records(place, cause.offset, cause.offset + 1):
            told = decode(record.value or b"", VOCABULARY[plain.partition(".")[0]].record)
            return None if isinstance(told, Poison) else told
        return None

    async def _parts(self, start: int, end: int, moment: Moment) -> AsyncIterator[KeyFrame]:
        async for record in self._records(self._frames, start, end):
            part = decode(record.value or b"", KeyFrame)
            if not isinstance(part, KeyFrame) or part.graph != self._graph:
                continue
            if not moment.is_over(Source(topic="", partition=0, offset=part.at, at=_at(record))):
                yield part

    async def _ends(self, place: TopicPartition) -> tuple[int, int]:
        first = await self._consumer.beginning_offsets([place])
        end = await self._consumer.end_offsets([place])
        return first[place], end[place]

    def _records(self, place: TopicPartition, start: int, end: int) -> AsyncIterator[Any]:
        return records_of(self._consumer, place, start, end)


async def records_of(
    consumer: Any, place: TopicPartition, start: int, end: int
) -> AsyncIterator[Any]:
    """Yield the records from one offset to before another."""
    if start >= end:
        return
    consumer.assign([place])
    consumer.seek(place, start)
    # By position: the last offsets may hold nothing that is handed out.
    while await consumer.position(place) < end:
        async with asyncio.timeout(SILENCE):
            while not (found := await consumer.getmany(place, timeout_ms=200)):
                if await consumer.position(place) >= end:
                    return
        for record in found[place]:
            if record.offset >= end:
                return
            yield record


@asynccontextmanager
async def open_history(settings: Settings) -> AsyncIterator[History]:
    """Yield the history of the graph that is set; raise BrokerSilent if no broker lets us in."""
    if settings.part == "cluster":
        raise NoHistory("the part at a cluster sees no facts: ask with the settings of the core")
    await reach_broker(settings)
    options = client_options(settings.kafka)
    wanted = [names(settings)[each] for each in (KEY_FRAMES, GRAPH_FACTS)]
    if missing := await absent(wanted, **options):
        raise NoHistory(f"no such topics: {', '.join(missing)}; run `vereflow init`")
    consumer = make_consumer(auto_offset_reset="earliest", **options)
    async with asyncio.timeout(CONNECT_WITHIN):
        await consumer.start()
    try:
        yield History(settings, consumer)
    finally:
        await stop_consumer(consumer)


def _source(record: Any) -> Source:
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    return Source(**place, at=_at(record))


def _at(record: Any) -> float:
    return float(record.timestamp) / 1000
