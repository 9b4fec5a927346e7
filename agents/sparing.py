"""Say only so many lines a second of what may come in floods, then how many were left out."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

# The line about those that were left out is one of them.
MOST_LINES = 10
SECONDS = 1.0

log = structlog.get_logger()


class Sparing:
    """Log lines of one worker about records that cannot be handled."""

    def __init__(self, most: int = MOST_LINES, seconds: float = SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._said = self._left_out = 0

    def warning(self, event: str, **told: Any) -> None:
        """Say a line, if there are not too many."""
        if self._may_say():
            log.warning(event, **told)

    def exception(self, event: str, **told: Any) -> None:
        """Say a line with the exception at hand, if there are not too many."""
        if self._may_say():
            log.exception(event, **told)

    def _may_say(self) -> bool:
        if self._said == 0:
            asyncio.get_running_loop().call_later(self._seconds, self._begin_anew)
        if self._said == self._most - 1:
            self._left_out += 1
            return False
        self._said += 1
        return True

    def _begin_anew(self) -> None:
        if self._left_out:
            log.warning("lines left out", number=self._left_out, see="vereflow dead-letters")
        self._said = self._left_out = 0
