"""The rows of one table that this worker owns, a page at a time, and who owns the others.

Only partitions of the assignment whose store is open are looked at: opening one while it moves
would take it from the agents. No iterator outlives a step: it would keep the store from closing.
Rows are told as they are stored: to read and write each anew would cost the agents' time.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import orjson
from aiokafka.partitioner import DefaultPartitioner
from faust.types import TP

from streams.codec import KEY_MARK

MAX_LIMIT = 500
MAX_PAGE_BYTES = 2 << 20
# 5,000 keys cost 3.5 ms of the agents' loop.
MAX_COUNTED = 5_000
# Some milliseconds of that loop.
AT_ONCE = 50

_hash = DefaultPartitioner()


class Entry(NamedTuple):
    """One row, as JSON: None where it was not asked for, or is none any more."""

    key: str
    partition: int
    row: str | None = None


class Page(NamedTuple):
    """Some rows in the order of their keys, and the key after which the next page begins."""

    entries: list[Entry]
    next: str | None


class Held:
    """One table as this worker holds it."""

    def __init__(self, app: Any, name: str, table: Any) -> None:
        self._app = app
        self._table = table
        self.name = name

    @property
    def changelog(self) -> str:
        """The topic behind the table."""
        return str(self._table.changelog_topic_name)

    @property
    def of(self) -> int:
        """How many partitions the table has."""
        return int(self._table.partitions)

    @property
    def partitions(self) -> list[int]:
        """The partitions owned here, as far as they are open."""
        opened, topic = self._table.data._dbs, self.changelog
        actives = self._app.assignor.assigned_actives()
        return sorted(
            tp.partition for tp in actives if tp.topic == topic and tp.partition in opened
        )

    def offset(self, partition: int) -> int | None:
        """Return up to which changelog offset a partition held here is stored."""
        offset: int | None = self._table.data.persisted_offset(TP(self.changelog, partition))
        return offset

    def count(self) -> tuple[int, bool]:
        """Return how many rows are held here, and whether there are more than were counted."""
        found = 0
        for partition in self.partitions:
            for _ in self._keys(partition, b""):
                if found == MAX_COUNTED:
                    return found, True
                found += 1
        return found, False

    def find(self, key: str) -> Entry | None:
        """Return a row held here."""
        for partition in self.partitions:
            row = self._row(key, partition)
            if row is not None:
                return Entry(key, partition, row)
        return None

    async def page(self, after: str, prefix: str, limit: int, with_rows: bool) -> Page:
        """Return the rows behind a key, as many as asked for and fit; the agents go on between."""
        entries: list[Entry] = []
        size = 0
        while True:
            most = min(AT_ONCE, limit + 1 - len(entries))
            some = list(islice(self._sorted(after, prefix), most))
            for key, partition in some:
                if len(entries) == limit or size >= MAX_PAGE_BYTES:
                    return Page(entries, entries[-1].key)
                row = self._row(key, partition) if with_rows else None
                entries.append(Entry(key, partition, row))
                size += len(row or "")
            if len(some) < most:
                return Page(entries, None)
            after = some[-1][0]
            await asyncio.sleep(0)

    def place(self, key: str) -> int:
        """Return the partition that a key belongs to."""
        # What a graph owns lies where the graph does: its name stands before the bar.
        keyed_by = key.partition("|")[0]
        numbers = list(range(self.of))
        return int(_hash(keyed_by.encode("utf-8", "backslashreplace"), numbers, numbers))

    def owner(self, partition: int) -> str | None:
        """Return the URL of the worker that owns a partition; None while nobody is known to."""
        ours = str(self._app.conf.canonical_url)
        if partition in self.partitions:
            return ours
        for url, topics in self._app.assignor.tables_metadata().items():
            if partition in topics.get(self.changelog, ()) and url != ours:
                return str(url)
        return None

    def _sorted(self, after: str, prefix: str) -> Iterator[tuple[str, int]]:
        start = max(f"{after}\0" if after else "", prefix)
        streams = [
            self._placed(partition, start.encode("utf-8", "backslashreplace"))
            for partition in self.partitions
        ]
        for key, partition in heapq.merge(*streams):
            if not key.startswith(prefix):
                return
            yield key, partition

    def _placed(self, partition: int, start: bytes) -> Iterator[tuple[str, int]]:
        for key in self._keys(partition, start):
            yield key, partition

    def _keys(self, partition: int, start: bytes) -> Iterator[str]:
        store = self._table.data
        for raw in store._dbs[partition].keys(from_key=start):
            if raw == store.offset_key:
                continue
            key: str = store._decode_key(raw)
            # No handler wrote it, and it could not be asked for.
            if not key.startswith(KEY_MARK):
                yield key

    def _row(self, key: str, partition: int) -> str | None:
        store = self._table.data
        db = store._dbs.get(partition)
        raw = db.get(store._encode_key(key)) if db is not None else None
        try:
            # Whatever else would make the whole page unreadable.
            return raw.decode() if raw and isinstance(orjson.loads(raw), dict) else None
        except ValueError:
            return None
