"""What is small on its way and large when it is unpacked, as the consumer hands it over."""

from __future__ import annotations

import pytest
from aiokafka.record import MemoryRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.codec import MAX_BYTES, Poison, decode
from streams.records.pods import PodEvent

GZIP = 1


def packed(value: bytes) -> bytes:
    """Return a batch of one record, as a producer that packs sends it."""
    batch = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=GZIP,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=0,
        batch_size=len(value) + 1024,
    )
    batch.append(0, timestamp=0, key=b"key", value=value, headers=[])
    return bytes(batch.build())


@pytest.mark.row("E42")
def test_what_unpacks_to_more_than_a_record_may_be_is_too_large() -> None:
    batch = packed(b" " * (8 * MAX_BYTES))
    assert len(batch) < MAX_BYTES // 50

    (record,) = MemoryRecords(batch).next_batch()
    poison = decode(record.value, PodEvent)

    assert isinstance(poison, Poison)
    assert poison.reason == "too-large"
