"""A batch with a wrong checksum is named by its first record."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams.steady import DamagedBatch, SteadyThread

NOTES = TopicPartition("notes", 3)
OTHERS = TopicPartition("notes", 31)


def batch(offset: int) -> bytearray:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1024)
    builder.append(0, 1, b"key", b"value", [])
    content = bytearray(builder.build())
    struct.pack_into(">q", content, 0, offset)
    return content


def fetched(*batches: bytearray) -> Any:
    records = MemoryRecords(b"".join(map(bytes, batches)))
    found = PartitionRecords(NOTES, records, [], 7, None, None, True, READ_UNCOMMITTED)
    return SimpleNamespace(_partition_records=found)


class Fetcher:
    """Holds what was fetched of two partitions, and hands out the first."""

    _closed = False

    def __init__(self, result: Any) -> None:
        self._records = {OTHERS: fetched(), NOTES: result}
        self._subscriptions = self

    def fetch_context(self) -> Any:
        return pytest.MonkeyPatch.context()

    async def fetched_records(self, *_: Any, **__: Any) -> Any:
        return {NOTES: list(self._records[NOTES]._partition_records)}


async def test_the_first_record_of_a_damaged_batch_is_named() -> None:
    damaged = batch(8)
    damaged[-2] ^= 0xFF
    consumer = SimpleNamespace(_closed=False, _fetcher=Fetcher(fetched(batch(7), damaged)))
    thread: Any = SteadyThread.__new__(SteadyThread)
    thread.consumer = SimpleNamespace(flow_active=True)

    with pytest.raises(DamagedBatch, match=r"^notes/3/8: damaged at the broker") as caught:
        await thread._fetch_records(consumer, {NOTES})

    assert isinstance(caught.value.__cause__, CorruptRecordException)
