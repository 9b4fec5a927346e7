"""Which trace a record belongs to, and after which of its spans it comes: one header of W3C's.

https://www.w3.org/TR/trace-context/#traceparent-header, version 00. Others may write the header:
what is not exactly of this form says nothing, and `tracestate` is neither read nor passed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

HEADER = "traceparent"
# Nobody who means well sends more; whoever does may not have us look through all of them.
MOST_HEADERS = 64
_FORM = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 0x01


class TraceParent(NamedTuple):
    """A span that others follow: neither number is 0."""

    trace_id: int
    span_id: int
    sampled: bool

    @property
    def text(self) -> str:
        """Return it as it travels."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.sampled):02x}"


def parent_in(headers: Iterable[Any] | None) -> TraceParent | None:
    """Return what a record's headers say, each a name and bytes; None if that is nothing.

    Two of them contradict each other, and say nothing either.
    """
    found = None
    for number, (name, value) in enumerate(headers or ()):
        if number >= MOST_HEADERS or (name == HEADER and found is not None):
            return None
        if name == HEADER:
            found = value
    return _read(found) if isinstance(found, bytes) else None


def _read(raw: bytes) -> TraceParent | None:
    match = _FORM.fullmatch(raw)
    if match is None:
        return None
    trace_id, span_id, flags = (int(each, 16) for each in match.groups())
    # What other flags mean, and whether they still hold here, is not ours to say.
    parent = TraceParent(trace_id, span_id, bool(flags & _SAMPLED))
    return parent if trace_id and span_id else None
