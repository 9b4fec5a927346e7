"""Run what one graph was told through the very router and compiler once more, beside the system.

Nothing is sent and nothing is stored: what comes out is what the cluster should have held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.flow import compiler, router
from streams.flow.framing import KeyFrame
from streams.flow.graph import Graph
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.output import Outputs, Send
from streams.records.cause import Source
from streams.records.facts import GraphFact
from streams.records.policies import PodRules, PolicyPatch
from streams.records.views import PodRef


class Replay:
    """One graph as it was after the facts it took so far."""

    def __init__(self, graph: str, routing: router.Routing, compiling: compiler.Compiling) -> None:
        self._routing = routing._replace(epoch=0)
        self._compiling = compiling
        self.graph = Graph(graph, {}, {})
        self._rows: dict[str, compiler.PodRulesRow] = {}
        self._views: dict[str, PodRules] = {}
        self._compiled = 0

    def begin(self, parts: Sequence[KeyFrame]) -> None:
        """Be as a whole frame says."""
        name = self.graph.name
        pods: dict[str, PodsRow] = {}
        rows: dict[str, GraphRow] = {}
        for part in parts:
            pods |= {f"{name}|{key}": row for key, row in part.pods.items()}
            rows |= {f"{name}|{key}": row for key, row in part.rows.items()}
        self.graph = Graph(name, pods, rows)
        self._routing = self._routing._replace(epoch=self.graph.index.gate.epoch)
        everybody = sorted(self.graph.index.pods)
        here = Source(topic="", partition=0, offset=parts[0].at)
        self._hear(router.speak(self.graph, everybody, here, None, self._routing))

    def take(self, fact: GraphFact, source: Source) -> set[str]:
        """Take one fact, in the order in which they lie; return of whom the router spoke then."""
        if fact.mark is not None and fact.mark.epoch > self._routing.epoch:
            # The workers of that time had begun anew.
            self._routing = self._routing._replace(epoch=fact.mark.epoch)
        return self._hear(router.handle(self.graph, fact, source, self._routing))

    def news(self) -> list[PolicyPatch]:
        """Return the policies that the facts since the last call have changed."""
        views, self._views = self._views, {}
        return [patch for key, view in views.items() for patch in self._compile(key, view)]

    def patches(self) -> dict[str, PolicyPatch]:
        """Return every policy as it was wanted by then, under its key; of those gone as well."""
        self.news()
        rows = sorted(self._rows.items())
        return {key: row.patch for key, row in rows if row.patch is not None}

    def pods(self) -> dict[str, PodRef]:
        """Return the pods that lived, under their keys."""
        pods = sorted(self.graph.index.pods.items())
        return {key: row.pod for key, row in pods if row.live and row.pod.service is None}

    def _hear(self, outputs: Outputs) -> set[str]:
        """Keep the newest view of each pod until somebody asks: most are followed by others."""
        spoken_of = set[str]()
        for output in outputs:
            view = output.value if isinstance(output, Send) else None
            if isinstance(view, PodRules) and view.subject is not None:
                self._views[view.subject.key] = view
                spoken_of.add(view.subject.key)
        return spoken_of

    def _compile(self, key: str, view: PodRules) -> Iterator[PolicyPatch]:
        self._compiled += 1
        here = Source(topic="", partition=0, offset=self._compiled)
        for output in compiler.handle(self._rows, view, key, here, self._compiling):
            if isinstance(output, Send) and isinstance(output.value, PolicyPatch):
                yield output.value
