"""Every table on one screen: its name, its row, and the topic whose partitions it shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.flow.aligner import AlignerRow
from streams.flow.compiler import PodRulesRow
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.tracker import PodRow
from streams.records.base import Record
from streams.records.policies import PatchOutcome, PolicyPatch

ROWS: dict[str, type[Record]] = {
    "pods": PodRow,  # pod_tracker: what is known of each pod
    "graphs": AlignerRow,  # graph_aligner: the nodes a graph should have, what Verefoo said
    "graph-pods": PodsRow,  # rule_router: the claims of a graph, and whom its rules mean
    "graph-rules": GraphRow,  # rule_router: the rules of a graph
    "pod-rules": PodRulesRow,  # policy_compiler: the rule state of each pod
    "wanted": PolicyPatch,  # policy_applier: what the cluster should hold
    "policies": PatchOutcome,  # outcome_recorder: what became of it
}
NAMES = tuple(ROWS)


@dataclass(frozen=True)
class Tables:
    """The tables of one app, by name."""

    by_name: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.by_name[name]
