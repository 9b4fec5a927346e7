"""Topics are created once, with leaders, and never silently different."""

from __future__ import annotations

import dataclasses

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy import provision as provisioning
from deploy.provision import MissingTopics, Provisioned, WrongTopic, check, provision
from streams.topicspec import TopicSpec, changelog
from tests.integration.broker.conftest import Broker

EVENTS = TopicSpec("pod-events", 4, 1, retention_ms=3_600_000)
PODS = changelog("vereflow", "pods", 4, 1)


async def test_provisioning_twice_creates_nothing_the_second_time(broker: Broker) -> None:
    first = await provision([EVENTS, PODS], bootstrap_servers=broker.bootstrap)
    second = await provision([EVENTS, PODS], bootstrap_servers=broker.bootstrap)

    assert first == Provisioned(created=(EVENTS.name, PODS.name), found=())
    assert second == Provisioned(created=(), found=(EVENTS.name, PODS.name))


async def test_only_what_is_missing_is_created(broker: Broker) -> None:
    await provision([EVENTS], bootstrap_servers=broker.bootstrap)

    result = await provision([EVENTS, PODS], bootstrap_servers=broker.bootstrap)

    assert result == Provisioned(created=(PODS.name,), found=(EVENTS.name,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"partitions": 8}, "has 4 partitions, not 8: .*--delete --topic pod-events"),
        ({"replication": 3}, "has 1 replicas, not 3: .*kafka-reassign-partitions.sh"),
        ({"compacted": True, "retention_ms": None}, "--add-config cleanup.policy=compact"),
    ],
)
@pytest.mark.fault("F18")
@pytest.mark.row("G07")
async def test_a_topic_that_differs_is_refused_with_the_command_that_helps(
    broker: Broker, change: dict[str, int], message: str
) -> None:
    await provision([EVENTS], bootstrap_servers=broker.bootstrap)

    with pytest.raises(WrongTopic, match=message):
        await provision([dataclasses.replace(EVENTS, **change)], bootstrap_servers=broker.bootstrap)


@pytest.mark.parametrize("name", ["compression.type", "message.timestamp.type"])
@pytest.mark.fault("F18")
async def test_a_topic_whose_records_would_be_kept_otherwise_is_refused(
    broker: Broker, name: str
) -> None:
    other = {"compression.type": "gzip", "message.timestamp.type": "CreateTime"}[name]
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    configs = EVENTS.configs | {name: other}
    await admin.create_topics([NewTopic(EVENTS.name, 4, 1, topic_configs=configs)])
    await admin.close()

    with pytest.raises(WrongTopic, match=f"has {name} {other}, not .*--add-config {name}="):
        await provision([EVENTS], bootstrap_servers=broker.bootstrap)


async def test_checking_creates_nothing(broker: Broker) -> None:
    for _ in range(2):
        with pytest.raises(MissingTopics, match="pod-events; run `vereflow init`"):
            await check([EVENTS], bootstrap_servers=broker.bootstrap)


async def test_checking_what_is_right_passes(broker: Broker) -> None:
    await provision([EVENTS, PODS], bootstrap_servers=broker.bootstrap)

    await check([EVENTS, PODS], bootstrap_servers=broker.bootstrap)


async def test_waiting_for_leaders_is_bounded(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisioning, "READY_WITHIN", 0.0)
    monkeypatch.setattr(provisioning, "_is_ready", lambda topic: False)

    with pytest.raises(provisioning.TopicsNotReady, match="pod-events"):
        await provision([EVENTS], bootstrap_servers=broker.bootstrap)
