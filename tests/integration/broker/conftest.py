"""A broker of its own for each test, once embedded and once Apache Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.broker.apache import ApacheBroker
from deploy.local.broker.embedded import EmbeddedBroker
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


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    async with EmbeddedBroker(tmp_path / "broker.log") as broker:
        yield broker
