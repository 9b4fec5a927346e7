"""A broker of its own for each test, once embedded and once Apache Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator

from deploy.local.broker import quirks
from deploy.local.broker.apache import ApacheBroker
from deploy.local.broker.embedded import EmbeddedBroker
from deploy.provision import provision
from streams.settings import Settings, load
from streams.topics import specs
from tests.real import needs_java

Broker = EmbeddedBroker | ApacheBroker


@pytest.fixture(params=["embedded", pytest.param("apache", marks=needs_java)])
async def broker(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if request.param == "embedded":
        async with EmbeddedBroker(tmp_path / "broker.log") as embedded:
            yield embedded
    else:
        async with ApacheBroker(tmp_path / "kafka") as apache:
            yield apache


def adapt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have clients of this process work with the embedded broker until the test is over."""
    for owner, name in (
        (AIOKafkaConsumer, "__init__"),
        (AIOKafkaConsumer, "end_offsets"),
        (AIOKafkaAdminClient, "describe_consumer_groups"),
        (CoordinatorGroupRebalance, "perform_group_join"),
        (CoordinatorGroupRebalance, "_on_join_follower"),
        (GroupCoordinator, "_maybe_leave_group"),
    ):
        # Put back what the quirks replace when the test is over.
        monkeypatch.setattr(owner, name, getattr(owner, name))
    quirks.install()


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    async with EmbeddedBroker(tmp_path / "broker.log") as broker:
        yield broker


@pytest.fixture
async def settings(embedded: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of an embedded broker that has every topic."""
    adapt(monkeypatch)
    settings = load(kafka={"broker": embedded.bootstrap, "partitions": 2})
    await provision(specs(settings, ()), bootstrap_servers=embedded.bootstrap)
    return settings
