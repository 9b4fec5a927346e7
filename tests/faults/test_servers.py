"""The servers around the workers die, stand still and are told nonsense: everybody recovers."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DeleteGroupsRequest

from deploy.local.broker.apache import ApacheBroker
from deploy.local.kubernetes.apiserver.server import ApiServer
from tables.catalog import NAMES
from tests.e2e.conftest import REAL
from tests.faults.trial import Record, Trial, trial
from tests.real import needs_go, needs_java

FLOOD = 5_000


@pytest.mark.long
@pytest.mark.fault("F09")
@needs_java
@needs_go
async def test_the_api_server_is_killed_and_comes_back(
    tmp_path: Path, record_property: Record
) -> None:
    async with trial(tmp_path, record_property, bound=45, parts=REAL) as one:
        server = one.actor.world.kubernetes
        assert isinstance(server, ApiServer)
        for _ in range(2):
            server.apiserver.kill()
            await one.fed(60)
            await server.start()
        one.over()


@pytest.mark.long
@pytest.mark.fault("F13")
@needs_java
@needs_go
async def test_the_broker_is_killed_and_comes_back(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=60, parts=REAL) as one:
        broker = one.actor.world.broker
        assert isinstance(broker, ApacheBroker)
        broker.nodes[0].process.kill()
        await asyncio.sleep(3)
        await broker.start()
        one.over()


@pytest.mark.long
@pytest.mark.fault("F15")
@needs_java
@needs_go
async def test_the_broker_stands_still(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=60, parts=REAL) as one:
        broker = one.actor.world.broker
        assert isinstance(broker, ApacheBroker)
        os.kill(broker.nodes[0].process.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(20)
        finally:
            os.kill(broker.nodes[0].process.pid, signal.SIGCONT)
        one.over()


@pytest.mark.long
@pytest.mark.fault("F19")
async def test_the_offsets_of_the_group_are_gone(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=60) as one:
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
        await flood(one)
        one.over()


async def flood(one: Trial) -> None:
    """Write thousands of bad records among the good ones, as fast as the broker takes them."""
    kafka = one.actor.world.settings.kafka
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        waiting = [await producer.send("pod-events", b"{", f"k{n}".encode()) for n in range(FLOOD)]
        for sent in await asyncio.gather(*waiting):
            one.rules.bad.add(f"{sent.topic}/{sent.partition}/{sent.offset}")


@pytest.mark.fault("F33")
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
        shutil.rmtree(one.actor.world.plan.state_dir / "workers")
        await one.actor.world.workers.start()
        one.over()
