"""Every table on one screen: its name, its row, and what it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from streams.flow.aligner import AlignerRow
from streams.flow.compiler import PodRulesRow
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.identity_rows import IdentitiesRow
from streams.flow.tracker import PodRow
from streams.records.base import Record
from streams.records.policies import PatchOutcome, PolicyPatch
from streams.settings import Settings


class Kept(NamedTuple):
    """What a table keeps."""

    row: type[Record]
    what: str


CATALOG = {
    "pods": Kept(PodRow, "What is known of each pod, and of each Service."),
    "identities": Kept(
        IdentitiesRow, "Who has which address where nodes are no pods, and which pods are whose."
    ),
    "graphs": Kept(AlignerRow, "The nodes a graph should have, and what Verefoo said."),
    "graph-pods": Kept(PodsRow, "The claims of a graph, and whom its rules mean."),
    "graph-rules": Kept(GraphRow, "The rules of a graph."),
    "pod-rules": Kept(PodRulesRow, "The rule state of each pod."),
    "wanted": Kept(PolicyPatch, "What the cluster should hold."),
    "policies": Kept(PatchOutcome, "What became of it."),
}
IDENTITIES = "identities"
AT_A_CLUSTER = ("wanted",)
NAMES = tuple(name for name in CATALOG if name != IDENTITIES)


def tables_of(settings: Settings) -> tuple[str, ...]:
    """Return the names of this part's tables; where nodes are pods, none is of identities."""
    every = NAMES if settings.cluster.identity == "pod" else tuple(CATALOG)
    if settings.part == "whole":
        return every
    at_a_cluster = settings.part == "cluster"
    return tuple(name for name in every if (name in AT_A_CLUSTER) == at_a_cluster)


@dataclass(frozen=True)
class Tables:
    """The tables of one app, by name."""

    by_name: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.by_name[name]
