"""What Faust 0.15.3 commits before it is sent, held back: hand `SteadyProducer` to the app.

Rows on their way to a changelog wait in a buffer, which is flushed before a commit. Stock Faust
gives that up when nothing went out for 0.1 s: on a busy machine, what was read is committed then,
and whoever takes over recovers without these rows, for good. What the broker took in the end from
nobody is only a line in the log, and committed as well.
"""

from __future__ import annotations

import asyncio
from typing import Any

from faust.transport.drivers.aiokafka import Producer
from faust.transport.producer import ProducerBuffer
from mode import Service


class NotSent(RuntimeError):
    """Something was not sent, and will not be: what it follows from must not be committed."""


class SteadyBuffer(ProducerBuffer):
    """A buffer that is flushed when all that was put there is with the client, and no sooner."""

    _put = 0
    _sent = 0

    def put(self, fut: Any) -> None:
        """Keep a row until the client takes it."""
        self._put += 1
        super().put(fut)

    @Service.task
    async def _handle_pending(self) -> None:
        while not self.should_stop:
            message = await self.pending.get()
            await self._send_pending(message)
            # Not before: what is in hand is in the queue no more, and with the client not yet.
            self._sent += 1
            self.message_sent.set()

    async def flush(self) -> None:
        """Return when the client has all that was put here; raise NotSent if it never will."""
        wanted = self._put
        while self._sent < wanted:
            self.message_sent.clear()
            waited = await self.wait_first(self.message_sent)
            if waited.stopped:
                raise NotSent(f"{wanted - self._sent} rows wait for a producer that has ended")


class SteadyProducer(Producer):
    """A producer that is flushed when the broker has everything."""

    _failure: BaseException | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.buffer = SteadyBuffer(loop=self.loop, beacon=self.beacon)
        self.buffer.app = self.app

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        """Hand a record to the client; should the broker not take it, flushing says so."""
        sent: asyncio.Future[Any] = await super().send(*args, **kwargs)
        sent.add_done_callback(self._note)
        return sent

    async def flush(self) -> None:
        """Return when the broker has all that was sent; raise NotSent if it did not take it."""
        await super().flush()
        if self._failure is not None:
            raise NotSent(str(self._failure)) from self._failure

    def _note(self, sent: asyncio.Future[Any]) -> None:
        if not sent.cancelled() and sent.exception() is not None:
            self._failure = sent.exception()
