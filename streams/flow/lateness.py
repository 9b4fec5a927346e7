"""How late a record may still come; then what is gone can be forgotten."""

from __future__ import annotations

from streams.records.cause import Cause, Source

# A producer gives up after two minutes, and a worker that stood still ends itself: a day is ample.
LATEST = 86_400.0
# Going through a partition's rows costs some 30 microseconds a row: not at every record.
FORGET_EVERY = 500


def is_time(source: Source) -> bool:
    """Tell whether this record is one of those at which its partition's rows are gone through."""
    return source.offset % FORGET_EVERY == FORGET_EVERY - 1


def is_over(cause: Cause | None, now: float) -> bool:
    """Tell whether what began there is so long ago that nothing about it can still come."""
    return cause is not None and 0 < cause.at < now - LATEST
