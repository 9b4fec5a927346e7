"""Make a consumer of aiokafka, and end it whatever it is in the middle of."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer

from streams.unpacking import install


def make_consumer(**options: Any) -> AIOKafkaConsumer:
    """Return a consumer that belongs to no group, and that no record ends."""
    install()
    return AIOKafkaConsumer(enable_auto_commit=False, **options)


async def stop_consumer(consumer: Any) -> None:
    """Return when a consumer has stopped.

    It cancels its own fetches and awaits them; one that waits to ask an absent broker again passes
    its cancellation on to whoever stops the consumer, and leaves its connections open.
    """
    stopping = asyncio.create_task(consumer.stop())
    await asyncio.wait({stopping})
    if not stopping.cancelled():
        return stopping.result()
    await consumer._client.close()
