"""The line itself: it does what its trouble says, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from deploy.local.ports import HOST
from tests.faults.line import ANSWERED, ASKED, Line, Trouble

SAID = bytes(range(256)) * 16


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """A line to somebody who says everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(100):
            writer.write(piece)
        writer.close()

    server = await asyncio.start_server(echo, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    async with Line(lambda: port) as line:
        yield line
    server.close()


async def answer(line: Line, said: bytes = SAID) -> bytes:
    """Say something over a line, and return what comes back until it ends."""
    reader, writer = await asyncio.open_connection(HOST, line.port)
    try:
        writer.write(said)
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), 1.0)
    finally:
        writer.close()


async def test_a_line_without_trouble_carries_everything(line: Line) -> None:
    assert await answer(line) == SAID


async def test_a_slow_line_takes_its_time_in_both_directions(line: Line) -> None:
    line.trouble = Trouble(delay=0.1)
    began = time.monotonic()

    assert await answer(line) == SAID
    assert time.monotonic() - began >= 0.2


async def test_a_narrow_line_takes_as_long_as_its_bytes_need(line: Line) -> None:
    line.trouble = Trouble(rate=len(SAID) * 10)
    began = time.monotonic()

    assert await answer(line) == SAID
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("trouble", [Trouble(resets=1.0), Trouble(refuses=True)])
async def test_a_line_that_breaks_says_so(line: Line, trouble: Trouble) -> None:
    line.trouble = trouble

    with pytest.raises(ConnectionError):
        await answer(line)


@pytest.mark.parametrize("way", [ASKED, ANSWERED])
async def test_a_line_that_loses_one_direction_stays_silent(line: Line, way: str) -> None:
    line.trouble = Trouble(lost=frozenset({way}))

    with pytest.raises(TimeoutError):
        await answer(line)


async def test_a_line_is_cut_in_the_midst_of_an_answer(line: Line) -> None:
    line.trouble = Trouble(cut=10)
    reader, writer = await asyncio.open_connection(HOST, line.port)
    writer.write(SAID)

    assert await reader.readexactly(10) == SAID[:10]
    with pytest.raises(ConnectionError):
        await reader.read()
    writer.close()


async def test_connections_are_reset_on_demand(line: Line) -> None:
    reader, writer = await asyncio.open_connection(HOST, line.port)
    writer.write(b"a")
    assert await reader.read(1) == b"a"

    await line.reset()

    with pytest.raises(ConnectionError):
        await reader.read()
    writer.close()
