"""What all workers hold, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any

from agents.asking.aliases import list_aliases
from agents.asking.identities import list_identities, policy_key
from agents.asking.standing import NOT_KNOWN, is_pending, outcome_of
from agents.asking.workers import Answers, Kinds
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.identity_rows import IdentitiesRow
from streams.flow.index import GraphIndex
from streams.flow.tracker import PodRow
from streams.records.policies import PatchOutcome, PolicyPatch
from streams.records.views import Inexactness

TABLES: Kinds = {
    "pods": PodRow,
    "identities": IdentitiesRow,
    "graph-pods": PodsRow,
    "graph-rules": GraphRow,
    "wanted": PolicyPatch,
    "policies": PatchOutcome,
}


class Rows:
    """What all workers hold, and what follows from it: computed when it is first needed.

    Tables that stand ``apart`` are held by another part of the installation.
    """

    def __init__(self, answers: Answers, cluster: str, apart: Collection[str]) -> None:
        self.answers = answers
        self._cluster = cluster
        self.apart = apart

    def gaps(self) -> list[str]:
        """Return what keeps these from being all rows, as lines for people."""
        apart = ", ".join(sorted(self.apart))
        told = f"{apart}: another part of this installation has these tables"
        return [*([told] if apart else []), *self.answers.gaps()]

    @cached_property
    def pods(self) -> dict[str, PodRow]:
        """The pods by their keys: no Services, and nothing that is kept of whole partitions."""
        rows = self.answers.rows("pods", PodRow)
        return {key: row for key, row in rows.items() if row.pod.name and not row.pod.service}

    def key(self, name: str) -> str:
        """Return the key of what has a namespace and a name in the cluster that is looked at."""
        return f"{self._cluster}/{name}"

    def stands_for(self, name: str) -> str:
        """Return the key under which graphs know a live pod; empty if there is none."""
        row = self.pods.get(self.key(name))
        return policy_key(row.pod) if row is not None and row.live else ""

    @cached_property
    def wanted(self) -> dict[str, PolicyPatch]:
        """What the cluster should hold."""
        return self.answers.rows("wanted", PolicyPatch)

    @cached_property
    def outcomes(self) -> dict[str, PatchOutcome]:
        """What came of it."""
        return self.answers.rows("policies", PatchOutcome)

    def came_of(self, key: str) -> str:
        """Return what came of what is wanted, in one word."""
        outcome = self.outcomes.get(key)
        if outcome is None and "policies" in self.apart:
            return NOT_KNOWN
        return outcome_of(self.wanted[key], outcome)

    def reason_of(self, key: str) -> str:
        """Return why that came of it, in words; empty where the cluster has not answered yet."""
        patch, outcome = self.wanted[key], self.outcomes.get(key)
        answered = outcome is not None and not is_pending(patch, outcome)
        return patch.unprotected or (outcome.reason if outcome and answered else "")

    @cached_property
    def identities(self) -> dict[str, dict[str, Any]]:
        """What graphs were told of instead of pods, by key."""
        told, rows = self._told
        return {each["key"]: each for each in list_identities(told, rows, self.wanted)}

    @cached_property
    def aliases(self) -> list[dict[str, Any]]:
        """The addresses that settings give to identities, or that several claim."""
        told, rows = self._told
        return list_aliases(rows, told) if rows else []

    @cached_property
    def _told(self) -> tuple[dict[str, PodsRow], dict[str, IdentitiesRow]]:
        rows = self.answers.rows("identities", IdentitiesRow)
        return self.answers.rows("graph-pods", PodsRow), rows

    def kind(self, key: str) -> str:
        """Return what a key is of: a pod, an identity, or nothing that has a page."""
        if key in self.identities:
            return "identity"
        return "pod" if key in self.pods else ""

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
