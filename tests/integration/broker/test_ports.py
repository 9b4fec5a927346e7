"""A broker is told its port, so another may have it first: that one does not pass for ours."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deploy.local.broker.embedded import EmbeddedBroker
from deploy.local.broker.reaching import brokers
from deploy.local.ports import free_port


@pytest.fixture
async def other() -> AsyncIterator[EmbeddedBroker]:
    async with EmbeddedBroker() as other:
        yield other


async def test_a_port_that_another_broker_took_first_is_given_up(
    other: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = [int(other.bootstrap.rpartition(":")[2])]

    def taken_at_first() -> int:
        return looked.pop() if looked else free_port()

    monkeypatch.setattr("deploy.local.broker.embedded.free_port", taken_at_first)
    async with EmbeddedBroker() as broker:
        assert looked == []
        assert broker.bootstrap != other.bootstrap


async def test_another_broker_does_not_pass_for_ours(other: EmbeddedBroker) -> None:
    assert await brokers("another cluster", bootstrap_servers=other.bootstrap) == 0
