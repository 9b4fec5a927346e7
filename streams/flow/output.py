"""What a handler wants sent: the topic's plain name, the key, the record."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import NamedTuple, TypeVar

from streams.records.base import Record
from streams.records.reasons import LetterReason

R = TypeVar("R", bound=Record)

POD_EVENTS = "pod-events"
FIREWALL_CHANGES = "firewall-changes"
IDENTITY_FACTS = "identity-facts"
GRAPH_FACTS = "graph-facts"
GRAPH_EDITS = "graph-edits"
KEY_FRAMES = "key-frames"
POD_RULES = "pod-rules"
POLICY_PATCHES = "policy-patches"
PATCH_OUTCOMES = "patch-outcomes"
DEAD_LETTERS = "dead-letters"
BARRIERS = "barriers"


class Send(NamedTuple):
    """One record to send; without a partition the key decides."""

    topic: str
    key: str
    value: Record
    partition: int | None = None


class Refusal(NamedTuple):
    """The record in hand cannot be handled: it becomes one dead letter with this reason."""

    reason: LetterReason
    detail: str = ""


Outputs = list[Send | Refusal]


def rows_under(
    rows: MutableMapping[str, R] | MutableMapping[str, Record], prefix: str
) -> Iterator[tuple[str, Record]]:
    """Yield the rows whose key starts with the prefix; the caller may change rows meanwhile."""
    return iter([(key, row) for key, row in list(rows.items()) if key.startswith(prefix)])
