"""Say what came of patches, once, and what a breath brought together: no hand waits for it.

writes  patch-outcomes
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from agents.clients.waiting import Backoff
from agents.courier import Courier
from agents.outlet import Emit
from agents.tracing import Lead, after, lead
from streams.flow.output import PATCH_OUTCOMES, Send
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch

LONGEST_REASON = 600
# One request for many costs the broker and everybody behind it a fraction of many for one each.
BREATH_SECONDS = 0.1

Announce = Callable[[PolicyPatch, PatchOutcome], None]

log = structlog.get_logger()


class OutcomeTeller:
    """Remembers what it said of each policy, and says only news; what is not taken is kept."""

    def __init__(self, emit: Emit, announce: Announce | None = None) -> None:
        self._emit = emit
        self._announce = announce
        self._told: dict[str, object] = {}
        self._waiting: list[tuple[PatchOutcome, Lead | None]] = []
        self._news = asyncio.Event()
        self._delivering = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """Return how many outcomes the broker does not have yet."""
        return len(self._waiting)

    def tell(self, patch: PolicyPatch, outcome: Outcome, reason: str) -> None:
        """Have one outcome sent, if it is news."""
        said = (patch.revision, reason, patch.inexact)
        last = self._told.get(patch.key)
        if last == (outcome, *said):
            return
        # That it still is as we made it is no news.
        if outcome is Outcome.UNCHANGED and last == (Outcome.APPLIED, *said):
            return
        record = PatchOutcome(
            key=patch.key,
            outcome=outcome,
            revision=patch.revision,
            reason=reason[:LONGEST_REASON],
            inexact=patch.inexact,
            at=time.time(),
            cause=patch.cause,
        )
        if self._announce is not None:
            self._announce(patch, record)
        self._waiting.append((record, lead()))
        self._told[patch.key] = (outcome, *said)
        self._news.set()

    async def deliver(self) -> None:
        """Return once the broker has everything told until now."""
        async with self._delivering:
            told = list(self._waiting)
            courier = Courier(self._emit)
            try:
                for record, led in told:
                    with after(led):
                        await courier.send(Send(PATCH_OUTCOMES, record.key, record))
                await courier.arrived()
            finally:
                await courier.abandon()
            del self._waiting[: len(told)]

    async def run(self) -> None:
        """Deliver what is told, until cancelled."""
        backoff = Backoff()
        while True:
            await self._news.wait()
            await asyncio.sleep(BREATH_SECONDS)
            self._news.clear()
            try:
                await self.deliver()
                backoff.reset()
            except Exception:
                log.exception("outcomes not told", waiting=self.waiting)
                self._news.set()
                await asyncio.sleep(backoff.next(None))
