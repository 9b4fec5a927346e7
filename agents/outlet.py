"""Send what handlers return to the app's topics; tell the rest of the hands how to."""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable
from typing import Any

from agents.metrics import Metrics
from agents.sparing import Sparing
from agents.tracing import Headers, Traces, sending
from streams.codec import escape
from streams.flow.output import DEAD_LETTERS, Send
from streams.records.cause import Source
from streams.records.policies import DeadLetter
from streams.topics import Topics

# Returns once the broker has the record: for hands that no committed offset waits for.
Emit = Callable[[Send], Awaitable[None]]

MAX_RAW = 32 << 10


class Outlet:
    """The way out of every agent of one app."""

    def __init__(
        self, topics: Topics, metrics: Metrics | None = None, traces: Traces | None = None
    ) -> None:
        self._topics = topics
        self.metrics = metrics or Metrics()
        self.traces = traces
        self.lines = Sparing()

    async def send(self, output: Send) -> None:
        """Hand a record to the producer, which is flushed before the source offset is committed."""
        topic = self._topics[output.topic]
        with sending(self.traces, output, topic) as headers:
            await _hand_over(topic, output, headers)

    async def deliver(self, output: Send) -> None:
        """Return once the broker has the record."""
        topic = self._topics[output.topic]
        with sending(self.traces, output, topic) as headers:
            await (await _hand_over(topic, output, headers))

    async def deliver_raw(self, topic: str, key: str, raw: bytes) -> None:
        """Return once the broker has these bytes, which are no record of ours."""
        await (await self._topics[topic].send(key=key, value=raw, value_serializer="raw"))

    async def bury(self, source: Source, raw: bytes | None, reason: str, detail: str = "") -> None:
        """Put a record that cannot be handled among the dead letters, as anything else is sent.

        The key is where the record lay: a replay writes the same letter again, not another one.
        """
        letter = DeadLetter(
            topic=source.topic,
            partition=source.partition,
            offset=source.offset,
            reason=reason,
            detail=escape(detail),
            raw=base64.b64encode((raw or b"")[:MAX_RAW]).decode(),
            at=time.time(),
        )
        await self.send(Send(DEAD_LETTERS, source.text, letter))
        self.metrics.buried(reason)


async def _hand_over(topic: Any, output: Send, headers: Headers | None) -> Any:
    return await topic.send(
        key=output.key, value=output.value, partition=output.partition, headers=headers
    )
