"""The newest records of a topic, read beside whoever handles them: no group, no commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import TopicPartition


class Newest(NamedTuple):
    """The newest records, and whether there are older ones."""

    records: Sequence[Any]
    more: bool


async def newest(consumer: Any, places: Sequence[TopicPartition], most: int) -> Newest:
    """Return so many of the newest records of each partition."""
    consumer.assign(places)
    begins = await consumer.beginning_offsets(places)
    ends = await consumer.end_offsets(places)
    starts = {place: max(begins[place], ends[place] - most) for place in places}
    for place, start in starts.items():
        consumer.seek(place, start)
    found: list[Any] = []
    waiting = {place for place in places if starts[place] < ends[place]}
    while waiting:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            found += records
        # By position: the last offsets may hold nothing that is handed out.
        waiting = {place for place in waiting if await consumer.position(place) < ends[place]}
    return Newest(found, any(starts[place] > begins[place] for place in places))
