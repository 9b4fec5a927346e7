"""A handler sees the rows of its own partition, in real RocksDB, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.app import KafkaOptions, create_app
from streams.codec import Unread
from streams.records.policies import Outcome, PatchOutcome
from tables import faust_tables
from tables.partition import PartitionRows

PARTITIONS = 3


def outcome(key: str, reason: str = "") -> PatchOutcome:
    return PatchOutcome(key=key, outcome=Outcome.APPLIED, reason=reason)


class Written:
    """A table whose changelog goes nowhere: what is written is stored in one partition."""

    def __init__(self, table: Any, partition: int) -> None:
        self.data = table.data
        self.log: list[tuple[str, str]] = []
        self._partition = partition

    def __setitem__(self, key: str, row: PatchOutcome) -> None:
        self.log.append(("put", key))
        store = self.data
        store._db_for_partition(self._partition).put(
            store._encode_key(key), store._encode_value(row)
        )

    def __delitem__(self, key: str) -> None:
        self.log.append(("delete", key))
        store = self.data
        store._db_for_partition(self._partition).delete(store._encode_key(key))


@pytest.fixture
def table(tmp_path: Path) -> Any:
    app = create_app(KafkaOptions("127.0.0.1:1", "x", tmp_path, partitions=PARTITIONS))
    return faust_tables.declare(app, PARTITIONS)["policies"]


def rows(table: Any, partition: int) -> PartitionRows[PatchOutcome]:
    return PartitionRows[PatchOutcome](Written(table, partition), partition)


def test_a_partition_has_its_own_rows_and_no_others(table: Any) -> None:
    for partition in range(PARTITIONS):
        rows(table, partition)[f"pod-{partition}"] = outcome(f"pod-{partition}")

    for partition in range(PARTITIONS):
        assert dict(rows(table, partition)) == {f"pod-{partition}": outcome(f"pod-{partition}")}


def test_one_key_may_have_a_row_in_two_partitions(table: Any) -> None:
    rows(table, 0)["pod"] = outcome("pod", "mine")
    rows(table, 1)["pod"] = outcome("pod", "a copy of another worker's")

    assert rows(table, 0)["pod"].reason == "mine"
    assert "pod" not in rows(table, 2)


def test_a_row_that_cannot_be_read_is_missing_and_can_be_written_again(table: Any) -> None:
    mine = rows(table, 0)
    store = table.data
    store._db_for_partition(0).put(store._encode_key("pod"), b"{ half a record")

    assert mine.get("pod") is None
    assert "pod" not in mine
    mine["pod"] = outcome("pod")
    assert mine["pod"] == outcome("pod")


def test_a_row_that_is_not_read_for_want_of_memory_is_not_taken_for_missing(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = rows(table, 0)
    mine["pod"] = outcome("pod")
    monkeypatch.setattr(table.data, "_decode_value", lambda raw: Unread(MemoryError()))

    for look in (lambda: mine.get("pod"), lambda: list(mine.items())):
        with pytest.raises(MemoryError):
            look()


def test_a_row_that_cannot_be_read_hides_no_other(table: Any) -> None:
    mine = rows(table, 0)
    store = table.data
    mine["pod-a"] = outcome("pod-a")
    store._db_for_partition(0).put(store._encode_key("pod-b"), b"{ half a record")
    mine["pod-c"] = outcome("pod-c")

    assert dict(mine.items()) == {"pod-a": outcome("pod-a"), "pod-c": outcome("pod-c")}
    assert list(mine.values()) == [outcome("pod-a"), outcome("pod-c")]
    assert len(mine) == 2


def test_everything_is_written_through_the_table(table: Any) -> None:
    written = Written(table, 0)
    mine = PartitionRows[PatchOutcome](written, 0)

    mine["pod"] = outcome("pod")
    del mine["pod"]
    mine.pop("never there", None)

    assert written.log == [("put", "pod"), ("delete", "pod")]
    assert list(mine) == []


def test_what_was_never_there_cannot_be_deleted(table: Any) -> None:
    with pytest.raises(KeyError):
        del rows(table, 0)["pod"]


def test_faust_itself_writes_only_while_a_record_is_handled(table: Any) -> None:
    mine = PartitionRows[PatchOutcome](table, 0)

    with pytest.raises(TypeError):
        mine["pod"] = outcome("pod")

    assert "pod" not in mine


def test_the_offset_that_faust_keeps_beside_the_rows_is_no_row(table: Any) -> None:
    rows(table, 0)["pod"] = outcome("pod")

    table.data.set_persisted_offset(TP(table.changelog_topic_name, 0), 7)

    assert list(rows(table, 0)) == ["pod"]


keys = st.text(min_size=1, max_size=20)


@given(st.lists(st.tuples(keys, st.booleans()), max_size=20))
def test_a_partition_behaves_like_a_dict(tmp_path_factory: Any, steps: list[Any]) -> None:
    app = create_app(KafkaOptions("127.0.0.1:1", "x", tmp_path_factory.mktemp("rows")))
    mine = rows(faust_tables.declare(app, 1)["policies"], 0)
    model: dict[str, PatchOutcome] = {}

    for key, put in steps:
        if put:
            mine[key] = model[key] = outcome("pod", key)
        else:
            assert mine.pop(key, None) == model.pop(key, None)

    assert dict(mine) == model
    assert len(mine) == len(model)
