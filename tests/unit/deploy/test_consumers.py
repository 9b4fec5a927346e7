"""Whoever stops a consumer is not cancelled by what the consumer cancels."""

from __future__ import annotations

import asyncio

import pytest

from deploy.consumers import stop_consumer


class Client:
    """Remembers whether it was closed."""

    closed = False

    async def close(self) -> None:
        self.closed = True


class Consumer:
    """Stops like one whose fetch was waiting for a broker: by a cancellation that is not ours."""

    def __init__(self, ending: BaseException | None) -> None:
        self._client = Client()
        self._ending = ending

    async def stop(self) -> None:
        if self._ending is not None:
            raise self._ending


async def test_a_cancelled_fetch_is_no_cancellation_of_ours() -> None:
    consumer = Consumer(asyncio.CancelledError())

    await stop_consumer(consumer)

    assert consumer._client.closed


async def test_a_consumer_that_stops_is_left_alone() -> None:
    consumer = Consumer(None)

    await stop_consumer(consumer)

    assert not consumer._client.closed


async def test_a_failure_is_not_swallowed() -> None:
    with pytest.raises(OSError, match="gone"):
        await stop_consumer(Consumer(OSError("gone")))
