"""Say what came of patches, once."""

from __future__ import annotations

import time

from agents.outlet import Emit
from streams.flow.output import PATCH_OUTCOMES, Send
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch

LONGEST_REASON = 600


class OutcomeTeller:
    """Remembers what it said of each policy, and says only news."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._told: dict[str, object] = {}

    async def tell(self, patch: PolicyPatch, outcome: Outcome, reason: str) -> None:
        """Send one outcome, and return once the broker has it."""
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
        await self._emit(Send(PATCH_OUTCOMES, patch.key, record))
        self._told[patch.key] = (outcome, *said)
