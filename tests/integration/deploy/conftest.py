"""A broker and an API server of its own for each test, and settings that name them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from deploy.local.broker import quirks
from deploy.local.broker.embedded import EmbeddedBroker
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from deploy.local.kubernetes.server import KubernetesServer
from streams.settings import ClusterSettings, KafkaSettings, Settings


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clients that get on with the embedded broker, until the test is over."""
    with monkeypatch.context() as patch:
        for name in ("__init__", "end_offsets"):
            patch.setattr(AIOKafkaConsumer, name, getattr(AIOKafkaConsumer, name))
        quirks.install()
        yield


@pytest.fixture
async def broker(tmp_path: Path, patched: None) -> AsyncIterator[EmbeddedBroker]:
    async with EmbeddedBroker(tmp_path / "broker.log") as broker:
        yield broker


@pytest.fixture
async def server() -> AsyncIterator[KubernetesServer]:
    server = KubernetesServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def settings(broker: EmbeddedBroker, server: KubernetesServer, tmp_path: Path) -> Settings:
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server.url)
    return Settings(
        kafka=KafkaSettings(broker=broker.bootstrap, partitions=2),
        cluster=ClusterSettings(kubeconfig=kubeconfig),
    )
