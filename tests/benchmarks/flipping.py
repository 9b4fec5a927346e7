"""Let rules come and go at a rate, and see when each policy that changes is stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from tests.benchmarks.figures import Spread
from tests.benchmarks.ground import CAUSE, Ground, rule

PORT = 443


class Flipped(NamedTuple):
    """What came of some changes: how long each policy took, and what they cost."""

    changes: int
    seconds: list[float]
    writes: int
    cpu: Mapping[str, float]
    lasted: float
    """Seconds in which the CPU time was spent."""

    @property
    def spread(self) -> Spread:
        """Where the times lie."""
        return Spread.of(self.seconds)

    def milliseconds(self, who: str) -> float:
        """Return the CPU of somebody per change."""
        return 1000 * self.cpu[who] / self.changes


async def flip(ground: Ground, rate: float, seconds: float) -> Flipped:
    """Let a rule between neighbours come, or the one before go: two policies change each time."""
    sent: dict[str, float] = {}
    pods = ground.pods
    async with ground.watched() as stored:
        before, began, number = ground.cpu(), time.monotonic(), 0
        while time.monotonic() - began < seconds:
            at = time.monotonic()
            place = number // 2 % (len(pods) - 1)
            turned = [rule(pods[place], pods[place + 1], PORT)]
            told = {"added": turned} if number % 2 == 0 else {"removed": turned}
            (await ground.change(**told)).add_done_callback(partial(_note, sent, at))
            number += 1
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        # What is under way costs as well; what waiting for it costs does not count.
        await asyncio.sleep(1)
        after, lasted = ground.cpu(), time.monotonic() - began
        await ground.settled()
    times = [
        at - sent[policy["metadata"]["annotations"][CAUSE]]
        for at, policy in stored.seen
        if policy["metadata"]["annotations"].get(CAUSE) in sent
    ]
    cpu = {who: after[who] - before.get(who, 0.0) for who in after}
    return Flipped(number, times, len(stored.seen), cpu, lasted)


def _note(sent: dict[str, float], at: float, told: asyncio.Future[object]) -> None:
    place: object = told.result()
    sent["/".join(str(getattr(place, name)) for name in ("topic", "partition", "offset"))] = at
