"""Everything that is seen of a running system: all rows, the cluster, and the newest records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from agents.asking.newest import Newest
from agents.asking.past import Then
from agents.asking.rows import Rows
from agents.asking.stored import Stored
from agents.asking.turns import Turns
from streams.codec import decode
from streams.flow.judging import Judging
from streams.policy.flows import Flows
from streams.policy.reach import name_of
from streams.records.base import Record

R = TypeVar("R", bound=Record)


class Picture:
    """What the cluster stores, and whom that lets reach whom."""

    def __init__(self, stored: Stored, known: bool = True) -> None:
        self.stored = stored
        self.known = known

    @cached_property
    def policies(self) -> dict[str, dict[str, Any]]:
        """The policies by namespace/name, whosever they are."""
        return {name_of(each): dict(each) for each in self.stored.policies}

    @cached_property
    def flows(self) -> Flows:
        """Whom the policies let reach whom."""
        return Flows(self.stored.pods, self.stored.policies, self.stored.labels)


class Past:
    """One moment, and whom its policies let reach whom."""

    def __init__(self, then: Then) -> None:
        self.then = then
        self.picture = Picture(then.stored)


class Recent:
    """The newest records of some topics, each read once."""

    def __init__(self, newest: Mapping[str, Newest]) -> None:
        self.newest = newest
        self._read: dict[str, list[tuple[Any, Any]]] = {}
        self._places: dict[str, dict[str, Any]] = {}

    def records(self, topic: str, kind: type[R]) -> list[tuple[Any, R]]:
        """Return those that can be read, each with where it lies."""
        if topic not in self._read:
            found = self.newest[topic].records if topic in self.newest else ()
            told = ((each, decode(each.value or b"", kind)) for each in found)
            self._read[topic] = [(each, one) for each, one in told if isinstance(one, kind)]
        return self._read[topic]

    def one(self, topic: str, kind: type[R], place: str) -> R | None:
        """Return the record at a place, as causes name it; None if it is not there, or is none."""
        if topic not in self._places:
            found = self.newest[topic].records if topic in self.newest else ()
            self._places[topic] = {f"{e.topic}/{e.partition}/{e.offset}": e for e in found}
        record = self._places[topic].get(place)
        told = decode(record.value or b"", kind) if record is not None else None
        return told if isinstance(told, kind) else None


@dataclass(frozen=True)
class Seen:
    """Everything an answer is made of, as it was when it was asked for; ``gaps`` say what lacks."""

    rows: Rows
    judging: Judging
    cluster: Picture
    letters: Recent
    past: Recent
    gaps: tuple[str, ...]
    then: Past | None = None
    at: Picture | None = None
    """What was stored at the moment that was asked for, if one was."""
    turns: Turns | None = None
    """What became of the flow that was asked for, if one was."""

    @property
    def shown(self) -> Picture:
        """What a picture is drawn of: the cluster, or that moment."""
        return self.cluster if self.at is None else self.at
