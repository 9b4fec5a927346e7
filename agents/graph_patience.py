"""How long to leave somebody alone who does not answer well."""

from __future__ import annotations

import random

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0


class Patience:
    """Waits that double with every failure in a row, with jitter."""

    def __init__(self) -> None:
        self.failures = 0
        self._until = 0.0

    def lost(self, now: float) -> float:
        """Note one more failure; return for how long to wait."""
        pause = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self.failures, 10))
        self.failures += 1
        pause *= random.uniform(0.5, 1.0)
        self._until = now + pause
        return pause

    def regained(self) -> None:
        """Note a success."""
        self.failures = 0
        self._until = 0.0

    def waits(self, now: float) -> bool:
        """Tell whether it is too early to ask again."""
        return now < self._until
