"""A line between two parts on which a test lays troubles: slow, broken or silent."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from deploy.local.ports import HOST

PIECE = 64 << 10
# Pieces under way in one direction; who sends more has to wait.
UNDER_WAY = 64
# Closed with this, a socket resets its connection.
LINGER = struct.pack("ii", 1, 0)
ASKED, ANSWERED = "asked", "answered"
BOTH = frozenset((ASKED, ANSWERED))
Queue = asyncio.Queue[tuple[float, bytes]]


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a line; nothing, unless said."""

    delay: float = 0.0
    jitter: float = 0.0
    resets: float = 0.0
    """The chance of a piece to reset its connection instead of arriving."""
    rate: float = float("inf")
    """Bytes in a second."""
    lost: frozenset[str] = frozenset()
    """The directions in which nothing arrives, and nobody is told."""
    cut: int | None = None
    """After so many bytes of answers, in the midst of whatever they are, a connection is reset."""
    refuses: bool = False
    """Whether who connects is sent away."""


class Line:
    """Carries connections to a port; what the trouble does is decided by a seed."""

    def __init__(self, upstream: Callable[[], int], seed: int = 0) -> None:
        """Take what says, for each connection, to which port it goes."""
        self.trouble = Trouble()
        self._upstream = upstream
        self._dice = random.Random(seed)
        self._server: asyncio.Server
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0
        self.resets = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await self.reset()

    async def reset(self) -> None:
        """Reset every connection there is."""
        carrying = list(self._open)
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        ends = [writer]
        try:
            if not self.trouble.refuses:
                there, onward = await asyncio.open_connection(HOST, self._upstream())
                ends.append(onward)
                await self._carry((ASKED, reader, onward), (ANSWERED, there, writer))
        except (OSError, asyncio.CancelledError):
            # Not raised again: asyncio would log what is meant to happen.
            self.resets += 1
        finally:
            self._open.discard(task)
            for end in ends:
                _reset(end)

    async def _carry(self, *ways: tuple[str, asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        """Carry both directions until both ended, or one broke."""
        work = []
        for way, reader, writer in ways:
            queue: Queue = asyncio.Queue(UNDER_WAY)
            work += [self._take(reader, queue), self._hand_on(way, queue, writer)]
        tasks = [asyncio.create_task(each) for each in work]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, queue: Queue) -> None:
        """Take pieces from one end, each with the moment at which it is due at the other."""
        clock, due, piece = asyncio.get_running_loop().time, 0.0, b"-"
        while piece:
            piece = await reader.read(PIECE)
            trouble = self.trouble
            if self._dice.random() < trouble.resets:
                raise ConnectionResetError
            late = trouble.delay + self._dice.uniform(-trouble.jitter, trouble.jitter)
            due = max(due, clock() + late) + len(piece) / trouble.rate
            await queue.put((due, piece))

    async def _hand_on(self, way: str, queue: Queue, writer: asyncio.StreamWriter) -> None:
        clock, piece, passed = asyncio.get_running_loop().time, b"-", 0
        while piece:
            due, piece = await queue.get()
            await asyncio.sleep(due - clock())
            if way in self.trouble.lost:
                continue
            left = self.trouble.cut if way == ANSWERED else None
            if left is not None and passed + len(piece) > left:
                writer.write(piece[: max(0, left - passed)])
                await writer.drain()
                raise ConnectionResetError
            passed += len(piece)
            writer.write(piece)
            await writer.drain()
        if way in self.trouble.lost:
            # Of the end nobody is told either.
            await asyncio.Event().wait()
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    writer.transport.abort()
