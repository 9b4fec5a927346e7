"""What the pipeline would come to with these pods and these rules, beside the running system.

The very tracker, identities, router and compiler run, in one order that the caller chooses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streams.flow import identities, tracker
from streams.flow.compiler import Compiling
from streams.flow.graph import Graph
from streams.flow.identities import Identifying
from streams.flow.identity_rows import Identities
from streams.flow.output import GRAPH_FACTS, IDENTITY_FACTS, Outputs, Send
from streams.flow.replaying import Replay
from streams.flow.router import Routing
from streams.flow.tracker import PodRow, Tracking
from streams.records.cause import Source
from streams.records.facts import Assignment, FirewallChange, GraphFact
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.pods import PodEvent
from streams.records.policies import PolicyPatch
from streams.records.views import PodRef


class Surroundings(NamedTuple):
    """What each part must know; without ``identifying``, nodes stand for pods."""

    graph: str
    tracking: Tracking
    identifying: Identifying | None
    routing: Routing
    compiling: Compiling


class Foresight:
    """One graph that begins anew: first who has an address, then the pods, the rules, the end."""

    def __init__(self, ours: Surroundings, assigned: Iterable[Assignment] = ()) -> None:
        self._ours = ours._replace(routing=ours.routing._replace(partitions=1))
        self._replay = Replay(ours.graph, self._ours.routing, ours.compiling)
        self._pods: dict[str, PodRow] = {}
        self._identities = Identities(ours.graph, {})
        self._facts = 0
        for each in assigned:
            self._identify(GraphFact(graph=ours.graph, assigned=each))
        if ours.identifying is not None:
            self._identify(GraphFact(graph=ours.graph, mark=_read(ours.identifying.epoch)))

    def hear(self, event: PodEvent) -> None:
        """Take what is told of a pod or of a Service."""
        key = event.key(self._ours.tracking.cluster)
        told = tracker.handle(self._pods, event, key, self._here(), self._ours.tracking)
        for fact in _facts(told, IDENTITY_FACTS):
            self._identify(fact)
        self._route(told)

    def say(self, change: FirewallChange) -> None:
        """Take what a firewall says."""
        self._replay.take(GraphFact(graph=self._ours.graph, change=change), self._here())

    @property
    def graph(self) -> Graph:
        """The graph as the router has it."""
        return self._replay.graph

    def nodes(self) -> dict[str, PodRef]:
        """Return what nodes stand for, by key."""
        return self._replay.pods()

    def tracked(self) -> dict[str, PodRef]:
        """Return the pods, by key, and whose each is."""
        found = {key: row.pod for key, row in self._pods.items() if row.live}
        return {key: pod for key, pod in found.items() if pod.service is None}

    def policies(self) -> dict[str, PolicyPatch]:
        """Return what would be wanted once everything was said, by key."""
        cluster, graph = self._ours.tracking.cluster, self._ours.graph
        began = Stamp(lease=0, n=0)
        listed = Mark(kind=MarkKind.LIST_COMPLETE, id="", cluster=cluster, started=began)
        for mark in (listed, _read()):
            self._replay.take(GraphFact(graph=graph, mark=mark), self._here())
        return self._replay.patches()

    def _identify(self, fact: GraphFact) -> None:
        if self._ours.identifying is not None:
            here = self._here()
            self._route(identities.handle(self._identities, fact, here, self._ours.identifying))

    def _route(self, outputs: Outputs) -> None:
        for fact in _facts(outputs, GRAPH_FACTS):
            self._replay.take(fact, self._here())

    def _here(self) -> Source:
        self._facts += 1
        return Source(topic="", partition=0, offset=self._facts)


def _read(epoch: int = 0) -> Mark:
    return Mark(kind=MarkKind.FIREWALLS_READ, id="", epoch=epoch)


def _facts(outputs: Outputs, topic: str) -> list[GraphFact]:
    sent = (each for each in outputs if isinstance(each, Send) and each.topic == topic)
    return [each.value for each in sent if isinstance(each.value, GraphFact)]
