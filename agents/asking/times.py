"""Times as people read them: when, in UTC, and how long."""

from __future__ import annotations

from datetime import UTC, datetime


def clock(seconds: float) -> str:
    """Return a moment in UTC; empty for what is none."""
    if seconds <= 0:
        return ""
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def span(seconds: float) -> str:
    """Return how long something took; clocks may differ, so never less than nothing."""
    taken = max(0.0, seconds)
    if taken < 1:
        return f"{taken * 1000:.0f} ms"
    return f"{taken:.1f} s" if taken < 60 else f"{taken / 60:.1f} min"
