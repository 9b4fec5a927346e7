"""One partition of a Faust table as a plain mapping of rows."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, MutableMapping
from typing import Any, Generic, TypeVar

from streams.codec import Poison, Unread
from streams.records.base import Record

R = TypeVar("R", bound=Record)


class PartitionRows(MutableMapping[str, R], Generic[R]):
    """The rows of one partition: read from its own store, written through the table.

    Faust looks into every local partition when it is asked outside of an event, and iterates over
    all of them always; a handler must see the partition of its record and no other. Writing is
    possible only while an agent handles a record of this very partition. A row that cannot be
    read any more counts as missing.
    """

    def __init__(self, table: Any, partition: int) -> None:
        self._table = table
        self._partition = partition

    def __getitem__(self, key: str) -> R:
        store = self._table.data
        raw = self._db().get(store._encode_key(key))
        row = None if raw is None else self._read(raw)
        if row is None:
            raise KeyError(key)
        return row

    def __setitem__(self, key: str, row: R) -> None:
        self._table[key] = row

    def __delitem__(self, key: str) -> None:
        self[key]
        del self._table[key]

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.readable())

    def items(self) -> ItemsView[str, R]:
        """Return the readable rows, each read once."""
        return _Items(self)

    def readable(self) -> Iterator[tuple[str, R]]:
        """Yield every key with its row, except those that cannot be read."""
        store = self._table.data
        for raw_key, raw in store._visible_items(self._db()):
            if (row := self._read(raw)) is not None:
                yield store._decode_key(raw_key), row

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _read(self, raw: bytes) -> R | None:
        row: R | Poison | Unread | None = self._table.data._decode_value(raw)
        if isinstance(row, Unread):
            raise row.error
        return None if isinstance(row, Poison) else row

    def _db(self) -> Any:
        return self._table.data._db_for_partition(self._partition)


class _Items(ItemsView[str, R]):
    _mapping: PartitionRows[R]

    def __iter__(self) -> Iterator[tuple[str, R]]:
        return self._mapping.readable()
