"""What the workers of a graph remember, read from their changelogs while none of them runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from agents.ownership import partition_of
from deploy.cli.facts import records_of
from deploy.consumers import make_consumer, members, stop_consumer
from deploy.errors import Unusable
from deploy.login import client_options
from deploy.provision import absent
from streams.codec import Poison, decode
from streams.flow.aligner import AlignerRow, Said, said
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.index import GraphIndex
from streams.flow.output import FIREWALL_CHANGES, GRAPH_FACTS
from streams.records.base import Record
from streams.records.facts import FirewallChange, GraphFact
from streams.records.rules import Rule
from streams.settings import Settings
from streams.topics import names, rows

R = TypeVar("R", bound=Record)
MORE_SECONDS = 10.0
RUNNING = "workers run still: stop them first"
_TABLES = ("graphs", "graph-pods", "graph-rules")


class StillRunning(Unusable):
    """Somebody is a member of the workers' group."""


class Remembered(NamedTuple):
    """Whom rules mean, and what of the rules is only what Verefoo says."""

    name: str
    graph: GraphIndex
    polled: dict[str, Said]

    def by_topic_alone(self) -> dict[str, list[tuple[str, Rule]]]:
        """Return the rules that Verefoo does not say, by firewall, with the keys of their rows."""
        found: dict[str, list[tuple[str, Rule]]] = {}
        for key, row in sorted(self.graph.rules.items()):
            told = self.polled.get(row.firewall)
            if not row.dropped and (told is None or row.rule not in told.rules):
                found.setdefault(row.firewall, []).append((key, row.rule))
        return found


class Memory:
    """The rows and the topics of one graph at the broker, as the workers' own group reads them."""

    def __init__(self, settings: Settings, consumer: Any) -> None:
        self._settings = settings
        self._consumer = consumer
        self._here = partition_of(settings.graph.name, settings.kafka.partitions)

    async def remembered(self) -> Remembered | None:
        """Return what the workers remember; None where rows are to begin anew already."""
        kept = [rows(self._settings, table).name for table in _TABLES]
        if await absent(kept, **client_options(self._settings.kafka)):
            return None
        graph = self._settings.graph.name
        polled = said(await self._rows("graphs", AlignerRow), graph)
        pods = await self._rows("graph-pods", PodsRow)
        rules = await self._rows("graph-rules", GraphRow)
        return Remembered(graph, GraphIndex.of(graph, pods, rules), polled)

    async def check_alone(self) -> None:
        """Raise StillRunning unless the workers' group has no member."""
        settings = self._settings
        # Who did not take his leave is forgotten after a session.
        deadline = time.monotonic() + settings.kafka.session_timeout + MORE_SECONDS
        while await members(settings.app_id, **client_options(settings.kafka)):
            if time.monotonic() >= deadline:
                raise StillRunning(RUNNING)
            await asyncio.sleep(1)

    async def unhandled(self) -> int:
        """Return how many changes somebody sent that nobody has taken in yet."""
        count = 0
        for topic, kind in ((FIREWALL_CHANGES, FirewallChange), (GRAPH_FACTS, GraphFact)):
            # Others choose keys of their own, so it may lie in any partition.
            for place in self._places([names(self._settings)[topic]]):
                done = await self._consumer.committed(place) or 0
                async for record in self._from(place, done):
                    count += _is_somebodys(decode(record.value or b"", kind))
        return count

    def place(self, topic: str) -> TopicPartition:
        """Return where the records of our graph lie."""
        return TopicPartition(names(self._settings)[topic], self._here)

    async def skip(self, topics: list[str], but: Mapping[TopicPartition, int]) -> None:
        """Have the workers begin at the ends of these topics, but where something else is said."""
        places = self._places(topics)
        ends = await self._consumer.end_offsets(places)
        self._consumer.assign(places)
        try:
            await self._consumer.commit({**ends, **but})
        except CommitFailedError as refused:
            raise StillRunning(RUNNING) from refused

    def _places(self, topics: Iterable[str]) -> list[TopicPartition]:
        each = range(self._settings.kafka.partitions)
        return [TopicPartition(topic, partition) for topic in topics for partition in each]

    async def _rows(self, table: str, kind: type[R]) -> dict[str, R]:
        place = TopicPartition(rows(self._settings, table).name, self._here)
        found: dict[str, R] = {}
        async for record in self._from(place, 0):
            key = (record.key or b"").decode("utf-8", "backslashreplace")
            row = decode(record.value, kind) if record.value else None
            if row is None or isinstance(row, Poison):
                found.pop(key, None)
            else:
                found[key] = row
        return found

    async def _from(self, place: TopicPartition, start: int) -> AsyncIterator[Any]:
        first = (await self._consumer.beginning_offsets([place]))[place]
        end = (await self._consumer.end_offsets([place]))[place]
        async for record in records_of(self._consumer, place, max(first, start), end):
            yield record


def _is_somebodys(told: object) -> bool:
    """Tell whether a record is a change of rules that Verefoo cannot say again, or no record."""
    change = told.change if isinstance(told, GraphFact) else told
    if isinstance(change, FirewallChange):
        return change.mark is None and not change.polled
    return change is not None


@asynccontextmanager
async def open_memory(settings: Settings) -> AsyncIterator[Memory]:
    """Yield what is remembered at the broker."""
    consumer = make_consumer(
        group_id=settings.app_id, auto_offset_reset="earliest", **client_options(settings.kafka)
    )
    await consumer.start()
    try:
        yield Memory(settings, consumer)
    finally:
        await stop_consumer(consumer)
