"""What all workers hold, and what follows from it."""

from __future__ import annotations

from functools import cached_property

from agents.asking.workers import Answers
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.index import GraphIndex
from streams.flow.tracker import PodRow
from streams.records.policies import PatchOutcome, PolicyPatch
from streams.records.views import Inexactness


class Rows:
    """What all workers hold, and what follows from it: computed when it is first needed."""

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
