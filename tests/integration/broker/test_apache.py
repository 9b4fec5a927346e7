"""Apache Kafka comes up, keeps what it holds, and says what it misses."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from deploy.local.broker import apache_jars
from deploy.local.broker.apache import ApacheBroker
from deploy.local.broker.errors import BrokerNotReady
from deploy.provision import provision
from streams.topicspec import TopicSpec
from tests.real import needs_java

NUMBERS = TopicSpec("numbers", 1, 1)


async def kept(broker: ApacheBroker, expected: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    async with consumer:
        consumer.assign([TopicPartition(NUMBERS.name, 0)])
        return [(await consumer.getone()).value for _ in range(expected)]


@needs_java
@pytest.mark.parametrize("nodes", [1, 3])
async def test_what_was_written_is_there_after_a_stop_and_after_a_kill(
    tmp_path: Path, nodes: int
) -> None:
    broker = ApacheBroker(tmp_path, nodes)
    try:
        await broker.start()
        await provision([NUMBERS], bootstrap_servers=broker.bootstrap)
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all") as producer:
            await producer.send_and_wait(NUMBERS.name, b"1")
        before = broker.bootstrap

        broker.stop()
        await broker.start()
        broker.nodes[0].process.kill()
        await broker.start()

        assert await kept(broker, 1) == [b"1"]
        assert broker.bootstrap == before
    finally:
        broker.stop()


@needs_java
@pytest.mark.row("E42")
async def test_a_batch_that_unpacks_to_more_than_a_record_may_be_is_refused(
    tmp_path: Path,
) -> None:
    async with ApacheBroker(tmp_path) as broker:
        await provision([NUMBERS], bootstrap_servers=broker.bootstrap)
        # Before it packs, a producer would refuse so much by itself.
        told = {"compression_type": "gzip", "max_request_size": 1 << 24}
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, **told) as producer:
            with pytest.raises(MessageSizeTooLargeError):
                await producer.send_and_wait(NUMBERS.name, b" " * (1 << 23))
            await producer.send_and_wait(NUMBERS.name, b"1")

        assert await kept(broker, 1) == [b"1"]


@needs_java
@pytest.mark.row("G16")
async def test_no_password_stands_on_a_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    run = subprocess.run

    def overheard(command: list[str], **told: Any) -> Any:
        said.extend(command)
        return run(command, **told)

    monkeypatch.setattr(subprocess, "run", overheard)
    broker = ApacheBroker(tmp_path, secured=True)
    try:
        await broker.start()
        assert broker.secured is not None
        client = broker.secured.client("vereflow")
        # The login that was handed over otherwise is heeded.
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, **client):
            pass
    finally:
        broker.stop()

    assert any("StorageTool" in each for each in said)
    assert not [each for each in said if "SCRAM" in each or "salted" in each]
    assert not [each for each in said if client["sasl_plain_password"] in each]
    assert not (tmp_path / "node-1" / "format.arguments").exists()


async def test_without_java_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BrokerNotReady, match=r"no `java`.*openjdk"):
        apache_jars.java()


async def test_without_jars_and_maven_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(BrokerNotReady, match=r"no `mvn`.*apt install maven"):
        apache_jars.jars()


async def test_what_maven_says_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] no such artifact'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(BrokerNotReady, match="no such artifact"):
        apache_jars.jars()
    assert [path.name for path in (tmp_path / "vereflow").iterdir()] == []
