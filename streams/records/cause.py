"""Why a record exists: the event that started it, for latency and "why" anywhere later."""

from __future__ import annotations

from streams.records.base import Record


class Cause(Record):
    """Where the first record of a chain lay, and when it was written (seconds since 1970)."""

    topic: str
    partition: int
    offset: int
    at: float = 0.0

    @property
    def text(self) -> str:
        """Return the place as one word."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Source(Record):
    """Where the record in hand lies: the key of its dead letter, the number of its effects."""

    topic: str
    partition: int
    offset: int
    at: float = 0.0

    @property
    def text(self) -> str:
        """Return the place as one word."""
        return self.cause().text

    def cause(self) -> Cause:
        """Return this place as the cause of what follows from it."""
        return Cause(topic=self.topic, partition=self.partition, offset=self.offset, at=self.at)
