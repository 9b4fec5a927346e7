"""Make a consumer of aiokafka, end it whatever it is in the middle of, and count its group."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from streams.unpacking import install


def make_consumer(**options: Any) -> AIOKafkaConsumer:
    """Return a consumer that no record ends, and that commits nothing by itself."""
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


async def members(group: str, **client: Any) -> int:
    """Return how many members a group has."""
    admin = AIOKafkaAdminClient(**client)
    try:
        await admin.start()
        (answer,) = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    # By the protocol: error, group, state, type of protocol, protocol, members.
    return sum(len(found) for _, _, _, _, _, found, *_ in answer.groups)
