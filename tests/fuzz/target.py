"""What a fuzz target is, and what counts as a finding."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")

# Of the processor's time: others may be at work on the machine as well.
MOST_SECONDS = 1.0
MOST_BYTES = 64 << 10


class Slow(AssertionError):
    """An input that costs more than any input may."""


class Target(NamedTuple):
    """A decoder of ours: it takes any bytes, and lets out only what breaks its promise.

    The first ``head`` bytes of an input choose among the ways to call it; ``quick`` is how many
    inputs the default tests try.
    """

    name: str
    take: Callable[[bytes], object]
    seeds: Sequence[bytes]
    head: int = 0
    quick: int = 1000

    def feed(self, raw: bytes) -> None:
        """Take one input; raise whatever is a finding."""
        began = time.process_time()
        self.take(raw)
        spent = time.process_time() - began
        if spent > MOST_SECONDS and len(raw) <= MOST_BYTES:
            raise Slow(f"{self.name}: {spent:.1f} s for {len(raw)} bytes")


def chosen(options: Sequence[T], raw: bytes, place: int) -> T:
    """Return the option that one byte of the head stands for."""
    return options[(raw[place] if place < len(raw) else 0) % len(options)]
