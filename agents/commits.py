"""Ask how far a partition is committed: no record below that is read again."""

from __future__ import annotations

from typing import Any

from streams.records.cause import Source


def committed(app: Any, source: Source) -> int:
    """Return the committed offset of the partition in which a record lies, 0 if none is known."""
    offsets = app.consumer._committed_offset.items()
    place = (source.topic, source.partition)
    return next((at or 0 for tp, at in offsets if (tp.topic, tp.partition) == place), 0)
