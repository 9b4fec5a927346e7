"""A broker and an API server of its own for each test, and the settings that find both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.broker import quirks
from deploy.local.broker.embedded import EmbeddedBroker
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from deploy.local.kubernetes.server import KubernetesServer
from streams.settings import ClusterSettings, Settings
from streams.settings_kafka import KafkaSettings


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    quirks.install()
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
        state_dir=tmp_path / "state",
        kafka=KafkaSettings(broker=broker.bootstrap, partitions=2),
        cluster=ClusterSettings(kubeconfig=kubeconfig),
    )
