"""The part of a worker near Verefoo: it keeps the graph and computes the policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agents import (
    firewall_gate,
    graph_aligner,
    identity_keeper,
    outcome_recorder,
    pod_tracker,
    policy_compiler,
    rule_router,
)
from agents.clients.verefoo import Verefoo
from agents.grace_clock import GraceClock
from agents.graph_keeper import GraphKeeper
from agents.graph_ownership import Keeping
from agents.identity_keeper import KeptIdentities
from agents.ownership import partition_of
from agents.web.health import Check
from deploy.judging import judging_of
from deploy.part import Base, Hand
from deploy.placing import firewall_names, placement_of
from deploy.tracking import identifying_of, tracking_of
from deploy.verefoo_login import verefoo_client
from streams.flow.aligner import Aligning
from streams.flow.compiler import Compiling
from streams.flow.gate import Checks
from streams.flow.identities import due
from streams.flow.output import GRAPH_EDITS, IDENTITY_FACTS
from streams.flow.router import Routing
from tables.partition import PartitionRows


class CorePart:
    """What needs Verefoo, and no API server."""

    def __init__(self, base: Base) -> None:
        self._base = base
        settings = base.settings
        self._graph = settings.graph.name
        self._here = partition_of(self._graph, settings.kafka.partitions)
        self._http = verefoo_client(settings.verefoo)
        self._aligning = Aligning(settings.kafka.partitions, base.epoch, settings.clusters)
        self._keeper = self._graph_keeper()
        self._install()
        self._clock = self._install_identities()

    @property
    def listeners(self) -> tuple[Callable[[str], None], ...]:
        """Who must hear of barriers."""
        return (self._keeper.request_barrier,)

    @property
    def hands(self) -> list[Hand]:
        """What runs beside the agents."""
        return [self._keeper.run(), *([self._clock.run()] if self._clock else [])]

    @property
    def checks(self) -> Mapping[str, Check]:
        """What must be well: a stalled Verefoo degrades its graph, not the worker."""
        return {}

    @property
    def status(self) -> dict[str, Any]:
        """What the hands say of themselves."""
        keeper = self._keeper
        return {
            "graph_keeper": {
                "graph": self._graph,
                "id": keeper.gid,
                "aligned": keeper.aligned,
                "polls": keeper.polls,
                "writes": keeper.writes,
                "alarms": keeper.alarms,
                "error": keeper.last_error,
            },
        }

    def gauge(self) -> None:
        """Say in the metrics how things are."""
        self._base.metrics.aligned(self._graph, self._keeper.aligned)

    async def close(self) -> None:
        """Let go of Verefoo."""
        await self._http.aclose()

    def _graph_keeper(self) -> GraphKeeper:
        base, settings, graph = self._base, self._base.settings, self._base.settings.graph
        owned = base.owned(GRAPH_EDITS)
        keeping = Keeping(
            graph=graph.name,
            gid=graph.id,
            aligning=self._aligning,
            placement=placement_of(graph),
            poll_seconds=settings.verefoo.poll_seconds,
            default_allow=settings.rules.default_allow,
            reading=settings.rules.reading,
            identities=settings.cluster.identity != "pod",
            aliases=graph.aliases,
            subnets=graph.subnets,
        )
        return GraphKeeper(
            Verefoo(self._http, settings.verefoo.timeout),
            base.outlet,
            keeping,
            rows=lambda: PartitionRows(base.tables["graphs"], self._here),
            owns=lambda: self._here in owned(),
        )

    def _install(self) -> None:
        settings, epoch = self._base.settings, self._base.epoch
        app, topics, outlet = self._base.app, self._base.topics, self._base.outlet
        base, clusters = (app, topics, self._base.tables, outlet), settings.clusters
        graphs, partitions = (self._graph,), settings.kafka.partitions
        checks = Checks(
            frozenset(graphs), firewall_names(settings.graph), settings.rules.default_allow
        )
        frames = settings.kafka.frame_minutes * 60
        limit = settings.rules.blast_limit
        routing = Routing(partitions, epoch, clusters, judging_of(settings), frames, limit)
        compiling = Compiling(settings.instance, epoch, clusters)
        pod_tracker.install(*base, tracking_of(settings), settings.cluster.strangers)
        firewall_gate.install(app, topics, outlet, checks)
        rule_router.install(*base, routing)
        policy_compiler.install(*base, compiling)
        outcome_recorder.install(*base)
        graph_aligner.install(*base, {self._graph: self._keeper}, self._aligning)

    def _install_identities(self) -> GraceClock | None:
        base, settings, graph = self._base, self._base.settings, self._graph
        if settings.cluster.identity == "pod":
            return None
        ours = identifying_of(settings, base.epoch)
        kept = KeptIdentities(base.tables)
        identity_keeper.install(base.app, base.topics, base.outlet, kept, ours)
        owned, here = base.owned(IDENTITY_FACTS), self._here
        return GraceClock(
            base.outlet.deliver,
            graph,
            base.epoch,
            owns=lambda: here in owned(),
            due=lambda now: due(kept.get(graph, here), now, ours),
            grace=ours.grace_seconds,
        )
