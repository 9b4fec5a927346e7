"""One graph: its rows in two tables, and the index that is built from them."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

from streams.flow.graph_rows import (
    BindingRow,
    FirewallRow,
    GateRow,
    GraphPodRow,
    GraphRow,
    PartRow,
    PodsRow,
    RuleRow,
    SaidRow,
    VerdictRow,
)
from streams.flow.index import GraphIndex

PodRows = MutableMapping[str, PodsRow]
GraphRows = MutableMapping[str, GraphRow]


class Graph:
    """One graph's rows together with their index: what is put in one is put in the other."""

    def __init__(
        self, name: str, pods: PodRows, rows: GraphRows, index: GraphIndex | None = None
    ) -> None:
        self.name = name
        self.pods = pods
        self.rows = rows
        self.index = index or GraphIndex.of(name, pods, rows)

    def put_pod(self, key: str, row: GraphPodRow) -> None:
        """Store a pod's row, then index it."""
        self.pods[f"{self.name}|{key}"] = PodsRow(pod=row)
        self.index.put_pod(key, row)

    def put_binding(self, row: BindingRow) -> None:
        """Store to whom an end of a rule is bound, then index it."""
        self.pods[f"{self.name}|{row.key}"] = PodsRow(binding=row)
        self.index.put_binding(row)

    def put_rule(self, key: str, row: RuleRow) -> None:
        """Store a rule's row, then index it."""
        self.rows[f"{self.name}|{key}"] = GraphRow(rule=row)
        self.index.put_rule(key, row)

    def put_firewall(self, row: FirewallRow) -> None:
        """Store what a firewall is besides its rules."""
        self.rows[f"{self.name}|{row.firewall}|"] = GraphRow(firewall=row)
        self.index.put_firewall(row)

    def put_gate(self, gate: GateRow) -> None:
        """Store what of the first sync was seen."""
        self.rows[f"{self.name}|"] = GraphRow(gate=gate)
        self.index.gate = gate

    def put_part(self, key: str, row: PartRow) -> None:
        """Keep one part of a change set."""
        self.rows[f"{self.name}|{key}"] = GraphRow(part=row)
        self.index.parts[key] = row

    def put_verdict(self, row: VerdictRow) -> None:
        """Remember how a change was decided, in both tables: either may be lost by itself."""
        self.pods[f"{self.name}|{row.key}"] = PodsRow(verdict=row)
        self.rows[f"{self.name}|{row.key}"] = GraphRow(verdict=row)
        self.index.verdicts[row.at] = row

    def drop_verdict(self, row: VerdictRow) -> None:
        """Forget how a change was decided."""
        self.pods.pop(f"{self.name}|{row.key}", None)
        self.rows.pop(f"{self.name}|{row.key}", None)
        del self.index.verdicts[row.at]

    def put_said(self, row: SaidRow) -> None:
        """Remember which firewall change one fact was."""
        self.rows[f"{self.name}|said|{row.at}"] = GraphRow(said=row)
        self.index.put_said(row)


@contextmanager
def on_paper(graph: Graph) -> Iterator[Graph]:
    """Lend a graph whose index shows what rules are put there, and whose rows stay as they are."""
    draft = Graph(graph.name, {}, {}, graph.index)
    try:
        yield draft
    finally:
        for key in draft.pods:
            _take_back_binding(graph, key)
        for key in draft.rows:
            _take_back(graph, key)


def _take_back_binding(graph: Graph, key: str) -> None:
    if key not in graph.pods:
        graph.index.drop_binding(key.removeprefix(f"{graph.name}|"))


def _take_back(graph: Graph, key: str) -> None:
    own, row = key.removeprefix(f"{graph.name}|"), graph.rows.get(key)
    if row is not None:
        graph.index.put_row(own, row)
    elif own in graph.index.rules:
        graph.index.drop_rule(own)
    else:
        graph.index.drop_firewall(own.removesuffix("|"))
