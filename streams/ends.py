"""How far the changelogs went, noted beside every offset that is committed.

A broker that loses the end of a changelog is noticed by whoever has rows of his own. Whoever has
none would recover what is left, and go on behind what was committed: what lay between would be
missed by nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

# Kafka's offset.metadata.max.bytes, by default.
MOST_BYTES = 4096

Ends = Mapping[str, int]
"""By table, the newest offset of its changelog that is known to be there."""


def note(epoch: int, ends: Ends) -> str:
    """Return the ends as text; none where no broker would take it.

    Changelogs that `vereflow init` makes anew begin another epoch.
    """
    known = {name: end for name, end in sorted(ends.items()) if end >= 0}
    text = json.dumps({"epoch": epoch, "ends": known})
    return text if len(text) <= MOST_BYTES else ""


def read(text: str, epoch: int) -> dict[str, int]:
    """Return the ends that a note of this epoch tells of; none from any other text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or found.get("epoch") != epoch:
        return {}
    ends = found.get("ends")
    items = ends.items() if isinstance(ends, dict) else ()
    return {name: end for name, end in items if type(end) is int}


@contextmanager
def noting(consumer: Any, notes: Mapping[int, str]) -> Iterator[None]:
    """Have a consumer of aiokafka commit each partition's offsets with its note beside them."""

    async def commit(offsets: Mapping[Any, Any]) -> None:
        told = {
            tp: each._replace(metadata=notes.get(tp.partition, "")) for tp, each in offsets.items()
        }
        await type(consumer).commit(consumer, told)

    consumer.commit = commit
    try:
        yield
    finally:
        del consumer.commit
