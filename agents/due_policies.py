"""Which policies are to be looked at: each once, the urgent first; and who waits for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from agents.tracing import Lead, Leads
from streams.records.marks import Mark

KEPT_BARRIERS = 64


class Taken(NamedTuple):
    """A policy to look at, and what led to that."""

    key: str
    partition: int
    leads: tuple[Lead, ...]


@dataclass
class _Due:
    partition: int
    # The newest time it was put, and up to which of them the one in hand looks.
    newest: int
    covered: int = -1
    urgent: bool = False
    in_hand: bool = False
    # Whether it had to wait since it was settled last.
    waited: bool = False
    # What led to the look that is due, and to the one in hand.
    leads: Leads = field(default_factory=Leads)
    taken: tuple[Lead, ...] = ()


@dataclass
class _Barrier:
    partition: int
    mark: Mark
    # Until which time each policy must be settled.
    waits_for: dict[str, int] = field(default_factory=dict)


class DuePolicies:
    """Latest per policy only: what is put again while it waits is looked at once."""

    def __init__(self) -> None:
        self._due: dict[str, _Due] = {}
        self._urgent: dict[str, None] = {}
        self._calm: dict[str, None] = {}
        self._postponed: dict[str, None] = {}
        # Of those, the urgent; and the urgent that had to wait, and are looked at again.
        self._closing: dict[str, None] = {}
        self._retried: set[str] = set()
        self._barriers: list[_Barrier] = []
        self._time = 0

    def __len__(self) -> int:
        return len(self._due)

    def put(self, partition: int, key: str, urgent: bool) -> None:
        """Have a policy looked at, again if it is in hand."""
        self._time += 1
        due = self._due.setdefault(key, _Due(partition, self._time))
        due.partition, due.newest, due.urgent = partition, self._time, urgent
        due.leads.note()
        if not due.in_hand:
            self._ready(key, due)

    def sort(self, urgent: Callable[[int, str], bool]) -> None:
        """Ask anew which of those that are ready are urgent."""
        for key in [*self._urgent, *self._calm]:
            due = self._due[key]
            due.urgent = urgent(due.partition, key)
            self._ready(key, due)

    def take(self) -> Taken | None:
        """Take the next one in hand; nobody else gets it before it was put back.

        After an outage no calm one overtakes what closes: it is not taken while an urgent one is
        tried again.
        """
        for ready in (self._urgent, {} if self._retried else self._calm):
            if ready:
                key = next(iter(ready))
                del ready[key]
                due = self._due[key]
                due.in_hand, due.covered = True, due.newest
                due.taken = due.leads.take()
                return Taken(key, due.partition, due.taken)
        return None

    def settled(self, key: str) -> None:
        """Put back one that is as wanted, or never will be."""
        due = self._due[key]
        due.waited = False
        self._retried.discard(key)
        for barrier in self._barriers:
            if barrier.waits_for.get(key, due.covered + 1) <= due.covered:
                del barrier.waits_for[key]
        if due.newest > due.covered:
            self._ready(key, due)
        else:
            del self._due[key]

    def postponed(self, key: str) -> bool:
        """Put back one that must wait; tell whether it does, for it may have been put meanwhile."""
        due = self._due[key]
        due.leads.put_back(due.taken)
        if due.newest > due.covered:
            self._ready(key, due)
            return False
        due.in_hand, due.waited = False, True
        self._retried.discard(key)
        self._postponed[key] = None
        if due.urgent:
            self._closing[key] = None
        return True

    def resume(self, key: str) -> None:
        """End the wait of one that was postponed, and of an urgent one that is tried before it."""
        if key not in self._postponed:
            return
        due = self._due[key]
        if self._closing and not due.urgent:
            # One of them shows whether the server hears again.
            first = next(iter(self._closing))
            self._ready(first, self._due[first])
        self._ready(key, due)

    def resume_all(self) -> None:
        """End the wait of all that were postponed."""
        for key in list(self._postponed):
            self._ready(key, self._due[key])

    def dropped(self, key: str) -> None:
        """Forget one in hand whose partition is another's now, and who waited for that one."""
        due = self._due.pop(key)
        self._retried.discard(key)
        self._barriers = [each for each in self._barriers if each.partition != due.partition]

    def bar(self, partition: int, mark: Mark) -> None:
        """Keep a mark until everything put before it in its partition is settled."""
        waits_for = {
            key: due.newest for key, due in self._due.items() if due.partition == partition
        }
        self._barriers = [*self._barriers, _Barrier(partition, mark, waits_for)][-KEPT_BARRIERS:]

    def reached(self) -> list[tuple[int, Mark]]:
        """Return the marks that nothing is before any more."""
        return [(each.partition, each.mark) for each in self._barriers if not each.waits_for]

    def passed(self, partition: int, mark: Mark) -> None:
        """Forget a mark."""
        self._barriers = [
            each for each in self._barriers if (each.partition, each.mark) != (partition, mark)
        ]

    def _ready(self, key: str, due: _Due) -> None:
        due.in_hand = False
        self._postponed.pop(key, None)
        self._closing.pop(key, None)
        if due.urgent and due.waited:
            self._retried.add(key)
        else:
            self._retried.discard(key)
        here, there = (self._urgent, self._calm) if due.urgent else (self._calm, self._urgent)
        there.pop(key, None)
        here.setdefault(key)
