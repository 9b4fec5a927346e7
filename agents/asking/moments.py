"""A moment of the past, as people name it: a time, how long ago, or a place in the history."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from streams.records.cause import Source

_AGO = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_OFFSET = re.compile(r"[0-9]{1,18}")


class Moment(NamedTuple):
    """Either a time, in seconds since 1970, or the offset of a fact of the graph."""

    time: float | None = None
    offset: int | None = None

    @property
    def text(self) -> str:
        """The moment as it can be asked for again."""
        if self.offset is not None:
            return str(self.offset)
        return "now" if self.time is None else time_text(self.time)

    def is_over(self, source: Source) -> bool:
        """Tell whether what lies there came after this moment."""
        if self.offset is not None:
            return source.offset > self.offset
        return self.time is not None and source.at > self.time


NOW = Moment()


def parse_moment(text: str, now: datetime) -> Moment:
    """Read ``now``, ``2026-11-27T08:00:00Z``, ``15m`` ago or an offset; raise ValueError."""
    if text == "now":
        return NOW
    if _OFFSET.fullmatch(text):
        return Moment(offset=int(text))
    try:
        return Moment(time=_time(text, now).timestamp())
    except (OverflowError, ValueError):
        raise ValueError(
            f"{text!r} is no moment: say now, 2026-11-27T08:00:00Z, 15m (ago)"
            " or the offset of a fact"
        ) from None


def _time(text: str, now: datetime) -> datetime:
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    time = datetime.fromisoformat(text)
    # Kafka, Kubernetes and our logs speak UTC as well.
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def time_text(seconds: float) -> str:
    """Return a time as it can be given back to us."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
