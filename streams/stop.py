"""Stop a worker that must not go on: better a restart that reads again than a silent loss."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, NoReturn, TypeVar

from streams.membership import seconds

P = TypeVar("P")

FROZEN_EXIT = 70
STALL_AFTER = 60.0
LOOK_EVERY = 10.0

log = logging.getLogger(__name__)


class CommitsStalled(RuntimeError):
    """Partitions whose records are handled but whose committed offset stands still."""


class RecoveryStalled(RuntimeError):
    """Tables whose changelogs are read no further."""


async def fail_stop(app: Any, error: BaseException) -> NoReturn:
    """End the worker and keep the record in hand: never returns to the agent.

    An exception that leaves an agent acknowledges its record, and so would returning.
    """
    await app.crash(error)
    await asyncio.Event().wait()
    raise AssertionError("nobody sets this event")


@dataclass
class Stillness(Generic[P]):
    """Remembers since when each of what waits to move has been where it is."""

    after: float = STALL_AFTER
    _since: dict[P, tuple[object, float]] = field(default_factory=dict)

    def observe(self, places: Mapping[P, object], now: float) -> dict[P, float]:
        """Take in where all that waits is; return what stood still too long, and how long."""
        self._since = {each: self._first_seen(each, at, now) for each, at in places.items()}
        stood = {each: now - first for each, (_, first) in self._since.items()}
        return {each: seconds for each, seconds in stood.items() if seconds >= self.after}

    def _first_seen(self, each: P, at: object, now: float) -> tuple[object, float]:
        seen = self._since.get(each)
        return seen if seen is not None and seen[0] == at else (at, now)


class CommitWatch(Generic[P]):
    """Notices a hole in the acknowledged offsets that stays: commits wait for it for ever."""

    def __init__(self, after: float = STALL_AFTER) -> None:
        self._holes: Stillness[P] = Stillness(after)

    def stalled(
        self, acked: Mapping[P, Sequence[int]], committed: Mapping[P, int | None], now: float
    ) -> list[P]:
        """Return the partitions that have waited for too long behind the same hole."""
        holes = {
            partition: committed.get(partition) or 0
            for partition, offsets in acked.items()
            if offsets and min(offsets) > (committed.get(partition) or 0)
        }
        return list(self._holes.observe(holes, now))


async def watch_commits(app: Any, watch: CommitWatch[Any], every: float = LOOK_EVERY) -> None:
    """Crash the app when its commits stall; a restart reads again from the committed offset."""
    while not app.should_stop:
        await app.sleep(every)
        consumer = app.consumer
        # Neither a rebalance nor a commit on its way is a hole.
        if app.rebalancing or consumer._commit_fut is not None:
            continue
        stalled = watch.stalled(consumer._acked, consumer._committed_offset, time.monotonic())
        if stalled:
            log.error("commits stalled: %s", stalled)
            await app.crash(CommitsStalled(str(stalled)))
            return


class RecoveryWatch:
    """Notices a recovery that reads nothing more: nobody's records are handled meanwhile."""

    def __init__(self, after: float = STALL_AFTER) -> None:
        self._recovery: Stillness[str] = Stillness(after)

    def stalled(self, place: object, now: float) -> bool:
        """Tell whether recovery has been at this place for too long; None is no recovery."""
        return bool(self._recovery.observe({} if place is None else {"recovery": place}, now))


async def watch_recovery(app: Any, watch: RecoveryWatch, every: float = LOOK_EVERY) -> None:
    """Crash the app when its recovery stalls; a restart asks for the changelogs again."""
    while not app.should_stop:
        await app.sleep(every)
        recovery = app.tables.recovery
        # Another rebalance begins another recovery.
        place = (app.rebalancing_count, recovery.active_remaining()) if app.in_recovery else None
        if watch.stalled(place, time.monotonic()):
            log.error("recovery stalled: %s", place)
            await app.crash(RecoveryStalled(str(place)))
            return


def _exit(why: str) -> None:
    # No logging: a lock may be held by what was frozen, and every moment may send a stale write.
    _forget_what_is_on_its_way()
    if select.select([], [2], [], 0)[1]:
        # Somebody reads: otherwise writing would be waiting.
        os.write(2, f"{why} and was given up: exit\n".encode())
    os._exit(FROZEN_EXIT)


def _forget_what_is_on_its_way() -> None:
    """Have each connection reset: else the kernel would send what it has, when it can again."""
    for number in os.listdir("/dev/fd"):
        with suppress(OSError, ValueError):
            connection = socket.socket(fileno=int(number))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.detach()


class FreezeWatch:
    """Ends a process whose partitions may belong to another: it stood still, or hears nothing.

    It runs in a thread of its own and sends nothing first: what the producer still holds would
    overwrite what the new owner has written since, for brokers do not fence plain producers.
    ``unproven`` tells for how many seconds too long the group has been silent.
    """

    def __init__(
        self,
        limit: float,
        *,
        unproven: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = seconds,
        give_up: Callable[[str], None] = _exit,
    ) -> None:
        self._limit = limit
        self._unproven = unproven
        self._clock = clock
        self._give_up = give_up
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="freeze-watch", daemon=True)

    def __enter__(self) -> FreezeWatch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        last = self._clock()
        while not self._stop.wait(self._limit / 20):
            now = self._clock()
            if now - last > self._limit:
                self._give_up(f"this process stood still for {now - last:.1f} s")
            elif silent := self._unproven():
                self._give_up(f"this process heard nothing of its group for {silent:.1f} s")
            last = now
