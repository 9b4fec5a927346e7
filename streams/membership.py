"""Know until when nobody else can own what this worker holds: for so long it may send."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

# Of a session: the rest is for clocks that differ, and for ending.
SAFE_SHARE = 0.8


def seconds() -> float:
    """Return a time that, unlike the monotonic clock's, goes on while the machine is suspended."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class Membership:
    """One worker's place in its group, as far as the worker itself can be sure of it.

    The coordinator counts a session from the last heartbeat that reached it, and that was not
    before it was sent. A heartbeat that is not answered proves nothing.
    """

    def __init__(self, session: float, clock: Callable[[], float] = seconds) -> None:
        self._safe = SAFE_SHARE * session
        self._clock = clock
        self._proven: float | None = None
        self._followed: Any = None

    def proven(self, at: float) -> None:
        """Take in that the group knew us at this time."""
        self._proven = at

    def ended(self) -> None:
        """Take in that nothing is held any more, and that nothing waits to be sent."""
        self._proven = None

    def unproven(self) -> float:
        """Return for how many seconds nothing proves that what is held is ours; 0 while it is."""
        proven = self._proven
        if proven is None:
            return 0.0
        since = self._clock() - proven
        return since if since > self._safe else 0.0

    def follow(self, coordinator: Any) -> None:
        """Take in the answers to the heartbeats of aiokafka's coordinator from now on."""
        self.proven(self._clock())
        if coordinator is self._followed:
            return
        beat = coordinator._do_heartbeat

        async def heard() -> bool:
            at = self._clock()
            known: bool = await beat()
            if known and self._proven is not None:
                self.proven(at)
            return known

        coordinator._do_heartbeat = heard
        self._followed = coordinator
