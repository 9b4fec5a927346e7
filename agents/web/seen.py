"""What pages are made of: the rows of all workers, the cluster, and the newest records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from agents.asking.newest import Newest
from agents.asking.stored import Stored
from agents.asking.workers import Answers
from streams.codec import decode
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging
from streams.flow.tracker import PodRow
from streams.policy.flows import Flows
from streams.policy.reach import name_of
from streams.records.base import Record
from streams.records.policies import PatchOutcome, PolicyPatch
from streams.records.views import Inexactness

R = TypeVar("R", bound=Record)


class Rows:
    """What all workers hold, and what follows from it: computed when a page first needs it."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    @cached_property
    def pods(self) -> dict[str, PodRow]:
        """The pods by their keys: no Services, and nothing that is kept of whole partitions."""
        rows = self.answers.rows("pods", PodRow)
        return {key: row for key, row in rows.items() if row.pod.name and not row.pod.service}

    @cached_property
    def wanted(self) -> dict[str, PolicyPatch]:
        """What the cluster should hold."""
        return self.answers.rows("wanted", PolicyPatch)

    @cached_property
    def outcomes(self) -> dict[str, PatchOutcome]:
        """What came of it."""
        return self.answers.rows("policies", PatchOutcome)

    @cached_property
    def graphs(self) -> dict[str, GraphIndex]:
        """What the rows say of each graph."""
        pods = self.answers.rows("graph-pods", PodsRow)
        rules = self.answers.rows("graph-rules", GraphRow)
        names = sorted({key.partition("|")[0] for key in (*pods, *rules)})
        return {name: GraphIndex.of(name, pods, rules) for name in names}

    @cached_property
    def unsaid(self) -> dict[str, list[tuple[str, Inexactness]]]:
        """By the text of a rule: the policies that do not say it exactly, and how."""
        found: dict[str, list[tuple[str, Inexactness]]] = {}
        for key, patch in self.wanted.items():
            for each in patch.inexact:
                found.setdefault(each.rule, []).append((key, each))
        return found


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


class Recent:
    """The newest records of some topics, each read once."""

    def __init__(self, newest: Mapping[str, Newest]) -> None:
        self.newest = newest
        self._read: dict[str, list[tuple[Any, Any]]] = {}

    def records(self, topic: str, kind: type[R]) -> list[tuple[Any, R]]:
        """Return those that can be read, each with where it lies."""
        if topic not in self._read:
            found = self.newest[topic].records if topic in self.newest else ()
            told = ((each, decode(each.value or b"", kind)) for each in found)
            self._read[topic] = [(each, one) for each, one in told if isinstance(one, kind)]
        return self._read[topic]


@dataclass(frozen=True)
class Seen:
    """Everything a page is made of, as it was when it was asked for; ``gaps`` say what lacks."""

    rows: Rows
    judging: Judging
    cluster: Picture
    letters: Recent
    past: Recent
    gaps: tuple[str, ...]
