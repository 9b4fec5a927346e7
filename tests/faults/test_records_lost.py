"""What the broker keeps is damaged or gone, or it can keep nothing more."""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.steady import ROWS_AHEAD
from tables.catalog import NAMES
from tests.e2e.acting import until_true
from tests.faults.disk import fill, small_disk
from tests.faults.test_servers import delete_group
from tests.faults.trial import Record, Trial, trial
from tests.real import needs_java

LONG = pytest.mark.long
KAFKA: dict[str, Any] = {"broker": "kafka"}
# The bytes of a batch before its records, and in them the first offset and the length.
HEADER = 61
BEGINNING = struct.Struct(">qi")


@LONG
@needs_java
@pytest.mark.fault("F16")
async def test_a_damaged_batch_is_named_and_not_passed_over(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=120, rate=5, parts=KAFKA) as one:
        await one.actor.world.workers.stop()
        await one.fed(40)
        await asyncio.to_thread(one.broker.stop)
        (segment,) = segments(one, "firewall-changes")
        offset, at = list(batches(segment))[-1]
        flip(segment, at + HEADER + 1)
        await one.broker.start()
        for worker in one.workers:
            worker.start()
        await one.tend(40)
        topic, _, partition = segment.parent.name.rpartition("-")
        named = f"{topic}/{partition}/{offset}: damaged at the broker"
        assert any(named in worker.log.read_text() for worker in one.workers)
        # What another replica would have.
        await asyncio.to_thread(one.broker.stop)
        flip(segment, at + HEADER + 1)
        await one.broker.start()
        await one.tended()
        one.over()


@LONG
@needs_java
@pytest.mark.fault("F35")
async def test_rows_that_know_of_more_than_their_changelog_are_not_used(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=90, parts=KAFKA) as one:
        world = one.actor.world
        kafka = world.settings.kafka
        await world.workers.stop()
        await asyncio.to_thread(one.broker.stop)
        for table in NAMES:
            for segment in segments(one, f"{kafka.app_id}-{table}-changelog"):
                shorten(segment)
        # One has no rows of his own, by which he would notice.
        shutil.rmtree(one.folder(one.workers[0]))
        await one.broker.start()
        for worker in one.workers:
            worker.start()
        await one.tend(30)
        assert all(ROWS_AHEAD in each.log.read_text() for each in one.workers)
        # What is said to do then.
        await world.workers.stop()
        shutil.rmtree(world.plan.state_dir / "workers")
        await delete_group(kafka.bootstrap, kafka.app_id)
        await world.workers.start()
        one.over()


@LONG
@needs_java
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk of its own")
@pytest.mark.fault("F17")
async def test_the_disk_of_the_broker_is_full(tmp_path: Path, record_property: Record) -> None:
    folder = tmp_path / "state" / "kafka" / "node-1" / "data"
    with small_disk(folder, megabytes=256):
        async with trial(tmp_path, record_property, bound=60, parts=KAFKA) as one:
            broker = one.broker.nodes[0].process

            async def has_given_up() -> bool:
                return not broker.runs

            ballast = fill(folder)
            await until_true(has_given_up)
            await asyncio.sleep(10)
            ballast.unlink()
            await one.broker.start()
            one.over()


def batches(segment: Path) -> Iterator[tuple[int, int]]:
    """Yield the first offset of each batch of a segment, and where in the file it begins."""
    content, at = segment.read_bytes(), 0
    while at + HEADER <= len(content):
        offset, length = BEGINNING.unpack_from(content, at)
        if not length:
            return
        yield offset, at
        at += BEGINNING.size + length


def segments(one: Trial, topic: str) -> list[Path]:
    """Return the files of a topic that hold something."""
    data = one.actor.world.plan.state_dir / "kafka" / "node-1" / "data"
    return [path for path in data.glob(f"{topic}-[0-9]*/*.log") if list(batches(path))]


def flip(file: Path, at: int) -> None:
    """Have another byte in a place; done twice, it is the first again."""
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)


def shorten(segment: Path) -> None:
    """Lose the last third of the batches, as a machine does that lost its power."""
    found = list(batches(segment))
    _, at = found[len(found) * 2 // 3]
    os.truncate(segment, at)
    # Made anew from what is there.
    for beside in ("index", "timeindex"):
        segment.with_suffix(f".{beside}").unlink(missing_ok=True)
