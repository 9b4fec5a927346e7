"""Nothing is committed whose effects are not at the broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from faust.transport.drivers.aiokafka import Producer
from faust.transport.producer import ProducerBuffer

from streams.app import KafkaOptions, create_app
from streams.sending import NotSent, SteadyBuffer, SteadyProducer

# Longer than what stock Faust waits for.
SLOW = 0.15


class Client:
    """Takes in a row when it is let."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.asked = asyncio.Event()
        self._free = asyncio.Semaphore(0)

    def let(self, rows: int) -> None:
        for _ in range(rows):
            self._free.release()

    async def take(self, row: Any) -> None:
        self.asked.set()
        await self._free.acquire()
        self.taken.append(row)


@asynccontextmanager
async def running(
    kind: type[ProducerBuffer], folder: Path, client: Client
) -> AsyncIterator[ProducerBuffer]:
    """Run a buffer before a client."""
    app = create_app(KafkaOptions("127.0.0.1:1", "x", folder))
    buffer = kind()
    buffer.app = app
    buffer._send_pending = client.take  # type: ignore[method-assign]
    await buffer.start()
    try:
        yield buffer
    finally:
        buffer._stopped.set()
        buffer._crashed.set()


async def test_a_buffer_is_flushed_when_a_slow_client_has_every_row(tmp_path: Path) -> None:
    client = Client()
    async with running(SteadyBuffer, tmp_path, client) as buffer:
        for row in ("a", "b", "c"):
            buffer.put(row)  # type: ignore[arg-type]
        flushing = asyncio.create_task(buffer.flush())
        await asyncio.sleep(SLOW)
        assert not flushing.done()

        client.let(3)
        await flushing

    assert client.taken == ["a", "b", "c"]


async def test_a_row_that_the_client_is_just_being_handed_is_waited_for(tmp_path: Path) -> None:
    client = Client()
    async with running(SteadyBuffer, tmp_path, client) as buffer:
        buffer.put("a")  # type: ignore[arg-type]
        await client.asked.wait()
        assert buffer.size == 0
        flushing = asyncio.create_task(buffer.flush())
        await asyncio.sleep(0)
        assert not flushing.done()

        client.let(1)
        await flushing

    assert client.taken == ["a"]


async def test_what_is_put_meanwhile_is_for_the_next_flush(tmp_path: Path) -> None:
    client = Client()
    async with running(SteadyBuffer, tmp_path, client) as buffer:
        buffer.put("a")  # type: ignore[arg-type]
        flushing = asyncio.create_task(buffer.flush())
        await client.asked.wait()
        buffer.put("b")  # type: ignore[arg-type]

        client.let(1)
        await flushing

    assert client.taken == ["a"]


async def test_stock_faust_gives_up(tmp_path: Path) -> None:
    """If this fails, Faust has mended it, and ours may go."""
    client = Client()
    async with running(ProducerBuffer, tmp_path, client) as buffer:
        for row in ("a", "b", "c"):
            buffer.put(row)  # type: ignore[arg-type]

        async with asyncio.timeout(60):
            await buffer.flush()

    assert client.taken == []


async def test_rows_that_nobody_sends_any_more_are_not_flushed(tmp_path: Path) -> None:
    async with running(SteadyBuffer, tmp_path, Client()) as buffer:
        for row in ("a", "b"):
            buffer.put(row)  # type: ignore[arg-type]
        buffer._stopped.set()

        with pytest.raises(NotSent, match="2 rows"):
            await buffer.flush()


async def test_an_app_is_given_the_producer_that_is_flushed_to_the_end(tmp_path: Path) -> None:
    app = create_app(KafkaOptions("127.0.0.1:1", "x", tmp_path))

    assert isinstance(app.producer, SteadyProducer)
    assert isinstance(app.producer.buffer, SteadyBuffer)


async def test_what_the_broker_did_not_take_is_not_flushed_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(KafkaOptions("127.0.0.1:1", "x", tmp_path))
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send(*_: Any, **__: Any) -> asyncio.Future[None]:
        return answer

    monkeypatch.setattr(Producer, "send", send)
    producer: Any = app.producer
    await producer.send("topic", b"key", b"value", None, None, None)
    await producer.flush()

    answer.set_exception(ConnectionError("away for two minutes"))
    await asyncio.sleep(0)

    with pytest.raises(NotSent, match="away for two minutes"):
        await producer.flush()
