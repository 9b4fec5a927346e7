"""Rows that were damaged on the disk are never served: their partition begins anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from streams.app import KafkaOptions, create_app
from streams.sound import SoundStore
from tables import faust_tables

TOPIC = TP("changelog", 0)
ROWS = 2_000


def opened(folder: Path) -> Any:
    """Return the store of one table, as a worker that starts has it."""
    app = create_app(KafkaOptions("127.0.0.1:9", "test", folder, partitions=1, web_port=None))
    store = faust_tables.declare(app, 1)["pods"].data
    assert isinstance(store, SoundStore)
    return store


def filled(folder: Path, *, flushed: bool) -> Path:
    """Write rows as a worker does, end it, and return where they are."""
    store = opened(folder)
    db = store._db_for_partition(0)
    for number in range(ROWS):
        db.put(f"key-{number}".encode(), b"%09d" % number * 20)
    store.set_persisted_offset(TOPIC, ROWS)
    path = Path(store.partition_path(0))
    if not flushed:
        # As it lies there after a kill.
        shutil.copytree(path, folder / "killed")
    db.close()
    if not flushed:
        shutil.rmtree(path)
        (folder / "killed").rename(path)
    return path


def read(folder: Path) -> tuple[int, int | None]:
    """Return how many rows another worker finds there, and up to which offset it believes them."""
    store = opened(folder)
    db = store._db_for_partition(0)
    found = sum(1 for _ in store._visible_items(db))
    offset = store.persisted_offset(TOPIC)
    db.close()
    return found, offset


def flip(content: bytearray) -> bytearray:
    content[len(content) // 2] ^= 0xFF
    return content


def halve(content: bytearray) -> bytearray:
    return content[: len(content) // 2]


def files(path: Path, pattern: str) -> list[Path]:
    found = [each for each in path.glob(pattern) if each.stat().st_size]
    assert found
    return found


def test_sound_rows_are_read_again(tmp_path: Path) -> None:
    filled(tmp_path, flushed=True)

    assert read(tmp_path) == (ROWS, ROWS)
    assert list(tmp_path.rglob("*.damaged")) == []


@pytest.mark.fault("F31")
@pytest.mark.parametrize("harm", [flip, halve])
@pytest.mark.parametrize("pattern", ["*.sst", "MANIFEST-*", "CURRENT"])
def test_damaged_rows_are_moved_aside_and_begin_anew(
    tmp_path: Path, pattern: str, harm: Callable[[bytearray], bytearray]
) -> None:
    path = filled(tmp_path, flushed=True)
    for each in files(path, pattern):
        each.write_bytes(harm(bytearray(each.read_bytes())))

    assert read(tmp_path) == (0, None)
    # And the next start finds nothing to complain about.
    kept = list(tmp_path.rglob("*.damaged"))
    assert read(tmp_path) == (0, None)
    assert list(tmp_path.rglob("*.damaged")) == kept


@pytest.mark.fault("F31")
@pytest.mark.parametrize("harm", [flip, halve])
def test_what_a_damaged_journal_held_is_read_from_the_changelog_again(
    tmp_path: Path, harm: Callable[[bytearray], bytearray]
) -> None:
    path = filled(tmp_path, flushed=False)
    for each in files(path, "*.log"):
        each.write_bytes(harm(bytearray(each.read_bytes())))

    rows, offset = read(tmp_path)

    assert rows < ROWS
    # The offset was written behind the rows: who lacks rows lacks it as well.
    assert offset is None


def test_a_file_that_is_missing_is_damage(tmp_path: Path) -> None:
    path = filled(tmp_path, flushed=True)
    for each in files(path, "*.sst"):
        each.unlink()

    assert read(tmp_path) == (0, None)


def test_only_the_newest_damage_is_kept(tmp_path: Path) -> None:
    for _ in range(2):
        path = filled(tmp_path, flushed=True)
        for each in files(path, "MANIFEST-*"):
            each.write_bytes(b"")
        read(tmp_path)

    assert len(list(tmp_path.rglob("*.damaged"))) == 1


def test_a_lock_that_somebody_holds_is_no_damage(tmp_path: Path) -> None:
    path = filled(tmp_path, flushed=True)
    holding = opened(tmp_path)
    db = holding._db_for_partition(0)

    with pytest.raises(Exception, match="lock"):
        opened(tmp_path)._db_for_partition(0)
    db.close()

    assert path.is_dir()
    assert read(tmp_path) == (ROWS, ROWS)
