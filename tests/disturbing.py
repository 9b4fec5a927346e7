"""Disturb workers, their broker and their group, in an order and at moments a seed decides."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Mapping

from deploy.local.broker.apache import ApacheBroker

# Longer than the session, and much longer.
PAUSES = (12.0, 40.0)

Pids = Callable[[], Mapping[str, int]]


class Disturber:
    """Does each of six things once; whoever supervises the workers starts again what ended."""

    def __init__(
        self, broker: ApacheBroker, seed: int, pids: Pids, join: Callable[[], None]
    ) -> None:
        """Take what says which workers there are now, and what starts another one."""
        self.told: list[str] = []
        self._broker = broker
        self._chance = random.Random(seed)
        self._pids = pids
        self._another = join

    async def rage(self) -> None:
        """Return when all six have happened."""
        happenings: list[Callable[[], Awaitable[None]]] = [
            self._kill,
            self._terminate,
            lambda: self._pause(PAUSES[0]),
            lambda: self._pause(PAUSES[1]),
            self._kill_broker,
            self._join,
        ]
        self._chance.shuffle(happenings)
        for happen in happenings:
            await asyncio.sleep(self._chance.uniform(5, 9))
            await happen()

    def _one(self, what: str) -> int:
        name = self._chance.choice(sorted(self._pids()))
        self.told.append(f"{what} {name}")
        return self._pids()[name]

    async def _kill(self) -> None:
        os.kill(self._one("kill -9"), signal.SIGKILL)

    async def _terminate(self) -> None:
        os.kill(self._one("TERM"), signal.SIGTERM)

    async def _pause(self, seconds: float) -> None:
        pid = self._one(f"STOP for {seconds:.0f} s")
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    async def _kill_broker(self) -> None:
        self.told.append("kill -9 broker")
        self._broker.nodes[0].process.kill()
        await asyncio.sleep(self._chance.uniform(1, 4))
        await self._broker.start()

    async def _join(self) -> None:
        self.told.append("join")
        self._another()
