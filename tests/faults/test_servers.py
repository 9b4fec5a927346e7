"""The servers around the workers die, stand still and are told nonsense: everybody recovers."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DeleteGroupsRequest

from agents.sparing import MOST_LINES
from tables.catalog import NAMES
from tests.e2e.conftest import REAL
from tests.faults.trial import Record, trial
from tests.inputs.batches import NO_NAME, Made, batch, record
from tests.real import needs_go, needs_java

FLOOD = 5_000
TORN = [
    batch(record(0, b"\x00{", headers=[(NO_NAME, b"x")])),
    batch(record(0, b"\x00{", count=-1)),
    batch(record(1_000_000, b"\x00{")),
    batch(b"\xff" * 20),
]


@pytest.mark.long
@pytest.mark.fault("F09")
@needs_java
@needs_go
async def test_the_api_server_is_killed_and_comes_back(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=45, parts=REAL) as one:
        for _ in range(2):
            one.api_server.apiserver.kill()
            await one.fed(60)
            await one.api_server.start()
        one.over()


@pytest.mark.long
@pytest.mark.fault("F13")
@needs_java
@needs_go
async def test_the_broker_is_killed_and_comes_back(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=60, parts=REAL) as one:
        await one.kill_broker(3)
        one.over()


@pytest.mark.long
@pytest.mark.fault("F15")
@needs_java
@needs_go
async def test_the_broker_stands_still(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=60, parts=REAL) as one:
        await one.pause(one.broker.nodes[0].process.pid, 20)
        one.over()


@pytest.mark.long
@pytest.mark.fault("F19")
@needs_java
async def test_the_offsets_of_the_group_are_gone(tmp_path: Path, record_property: Record) -> None:
    # The embedded broker closes the line on whoever asks for a group that was deleted.
    async with trial(tmp_path, record_property, bound=60, parts={"broker": "kafka"}) as one:
        kafka = one.actor.world.settings.kafka
        await one.actor.world.workers.stop()
        await delete_group(kafka.bootstrap, kafka.app_id)
        await one.actor.world.workers.start()
        one.over()


async def delete_group(bootstrap: str, group: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        coordinator = await admin.find_coordinator(group)
        answer = await admin._send_request(DeleteGroupsRequest([group]), coordinator)
        assert [code for _, code in answer.results] == [0]
    finally:
        await admin.close()


@pytest.mark.long
@pytest.mark.fault("F26")
async def test_a_flood_of_what_cannot_be_read(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=60) as one:
        await one.write_nonsense(FLOOD)
        one.over()
    # Whoever counts by the clock may count the lines of two seconds in one.
    assert max(said_per_second(each.log) for each in one.workers) <= 2 * MOST_LINES


def said_per_second(log: Path) -> int:
    """Return how many lines about bad records a log has within one second, at most."""
    lines = [line for line in log.read_text().splitlines() if "dead letter" in line]
    return max(Counter(re.findall(r"\d\d:\d\d:\d\d", line)[0] for line in lines).values())


@pytest.mark.fault("F33")
@pytest.mark.threat("T4")
@pytest.mark.row("E48")
async def test_changelogs_hold_what_is_no_row(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=60) as one:
        kafka = one.actor.world.settings.kafka
        await one.actor.world.workers.stop()
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            for table in NAMES:
                for partition in range(kafka.partitions):
                    topic = f"{kafka.app_id}-{table}-changelog"
                    for key in (b"main|", b"\xff\xfe", b"local/default/pod-00"):
                        await producer.send_and_wait(topic, b"\x00{", key, partition=partition)
                    for each in TORN:
                        await (await producer.send_batch(Made(each), topic, partition=partition))
        shutil.rmtree(one.actor.world.plan.state_dir / "workers")
        await one.actor.world.workers.start()
        one.over()
