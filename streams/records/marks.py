"""Marks between facts: "everything before this is known", carried through every partition."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from streams.records.base import Record


class Stamp(Record):
    """A watcher's own clock: the lease's transitions, then a count; later stamps are larger."""

    lease: int
    n: int

    @property
    def order(self) -> tuple[int, int]:
        """Return the stamp as something that compares."""
        return (self.lease, self.n)


class MarkKind(StrEnum):
    """What a mark says has been said before it."""

    LIST_STARTED = "LIST_STARTED"
    LIST_COMPLETE = "LIST_COMPLETE"
    FIREWALLS_READ = "FIREWALLS_READ"
    SYNCED = "SYNCED"
    BARRIER = "BARRIER"
    GRACE_OVER = "GRACE_OVER"


class Mark(Record):
    """One mark in one partition; ``id`` names the listing or the barrier it belongs to."""

    kind: MarkKind
    id: str
    cluster: str = ""
    graph: str = ""
    epoch: int = 0
    partition: int = 0
    stamp: Stamp | None = None
    started: Stamp | None = None


class BarrierRequest(Record):
    """Somebody waits: send a barrier behind everything that was said before this."""

    id: str = Field(min_length=1, max_length=64)
    at: float = 0.0
