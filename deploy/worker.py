"""One worker: every part created, declared, connected and installed, once."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from functools import partial
from ipaddress import IPv4Network
from typing import Any

from agents import (
    barrier_caller,
    firewall_gate,
    graph_aligner,
    identity_keeper,
    outcome_recorder,
    pod_tracker,
    policy_applier,
    policy_compiler,
    rule_router,
)
from agents.apply_queue import ApplyQueue
from agents.asking.stored import Stored, read_namespaces
from agents.clients.kubernetes import Cluster
from agents.clients.lease import Leadership
from agents.clients.verefoo import Verefoo
from agents.clients.waiting import first_to_end
from agents.clients.workloads import workloads_of
from agents.grace_clock import GraceClock
from agents.graph_keeper import GraphKeeper
from agents.graph_ownership import Keeping
from agents.identity_keeper import KeptIdentities
from agents.metrics import Metrics
from agents.namespace_closer import NamespaceCloser
from agents.outlet import Outlet
from agents.ownership import owned_partitions, partition_of
from agents.pod_stamper import PodStamper
from agents.pod_watcher import PodWatcher
from agents.web.health import Check
from agents.web.knowing import Outside
from agents.web.server import install as install_web
from deploy.allowing import allowances_of
from deploy.judging import judging_of
from deploy.login import credentials
from deploy.managing import managed_namespaces
from deploy.placing import firewall_names, placement_of, reserved_addresses
from deploy.reading import read_topics
from deploy.verefoo_login import verefoo_client
from streams import faust_topics
from streams.app import KafkaOptions, create_app
from streams.flow.aligner import Aligning
from streams.flow.compiler import Compiling
from streams.flow.gate import Checks
from streams.flow.identities import Identifying, due
from streams.flow.output import GRAPH_EDITS, IDENTITY_FACTS, POLICY_PATCHES
from streams.flow.router import Routing
from streams.flow.tracker import Tracking
from streams.settings import Settings
from streams.topics import names
from tables import faust_tables
from tables.catalog import tables_of
from tables.partition import PartitionRows

GAUGE_SECONDS = 1.0


class Worker:
    """An app with everything attached; nothing is connected before it starts."""

    def __init__(
        self, settings: Settings, epoch: int, listener: socket.socket | None = None
    ) -> None:
        self._settings = settings
        self._epoch = epoch
        self.app = create_app(_options(settings), credentials=credentials(settings.kafka))
        self._topics = faust_topics.declare(self.app, settings)
        kept = tables_of(settings)
        self._tables = faust_tables.declare(self.app, settings.kafka.partitions, kept)
        self._metrics = Metrics()
        self._outlet = Outlet(self._topics, self._metrics)
        self._cluster = Cluster.of(settings.cluster.kubeconfig, settings.cluster.context)
        self._http = verefoo_client(settings.verefoo)
        self._stamper = self._pod_stamper()
        self._managed = managed_namespaces(self._cluster, settings.cluster)
        self._watcher = self._pod_watcher()
        self._queue = self._apply_queue()
        self._keeper = self._graph_keeper()
        self._closer = self._namespace_closer()
        self._install_agents()
        self._clock = self._install_identities()
        self._install_hands()
        self._install_web(listener)

    def _pod_watcher(self) -> PodWatcher:
        cluster = self._settings.cluster
        leadership = Leadership(
            self._cluster,
            namespace=cluster.own_namespace,
            name=f"vereflow-{self._settings.instance}-{cluster.name}-pods",
            holder=f"{socket.gethostname()}-{os.getpid()}",
            seconds=cluster.lease_seconds,
        )
        return PodWatcher(
            self._cluster,
            leadership,
            self._outlet.deliver,
            cluster_name=cluster.name,
            managed=self._managed,
            partitions=self._settings.kafka.partitions,
            epoch=self._epoch,
            stamper=self._stamper,
            workloads=workloads_of(self._cluster, cluster.identity),
            frame_seconds=self._settings.kafka.frame_minutes * 60,
        )

    def _pod_stamper(self) -> PodStamper | None:
        cluster = self._settings.cluster
        if cluster.selection != "label":
            return None
        return PodStamper(self._cluster, cluster.shadowed)

    def _apply_queue(self) -> ApplyQueue:
        cluster = self._settings.cluster
        return ApplyQueue(
            self._cluster,
            self._outlet.deliver,
            instance=self._settings.instance,
            cluster_name=cluster.name,
            managed=self._managed,
            partitions=self._settings.kafka.partitions,
            graphs=(self._settings.graph.name,),
            concurrency=cluster.concurrency,
            wanted=lambda partition: PartitionRows(self._tables["wanted"], partition),
            owned=self._owned(f"{POLICY_PATCHES}.{cluster.name}"),
            epoch=self._epoch,
            shadow=cluster.shadowed,
            keep_left=cluster.when_left == "keep",
        )

    def _namespace_closer(self) -> NamespaceCloser | None:
        cluster = self._settings.cluster
        if cluster.isolation != "namespace":
            return None
        return NamespaceCloser(
            self._cluster,
            instance=self._settings.instance,
            managed=self._managed,
            shadow=cluster.shadowed,
            keep_left=cluster.when_left == "keep",
            allowances=allowances_of(self._cluster, self._settings.allowances),
        )

    def _graph_keeper(self) -> GraphKeeper:
        settings, graph = self._settings, self._settings.graph
        partition = partition_of(graph.name, settings.kafka.partitions)
        owned = self._owned(GRAPH_EDITS)
        keeping = Keeping(
            graph=graph.name,
            gid=graph.id,
            aligning=self._aligning(),
            placement=placement_of(graph),
            poll_seconds=settings.verefoo.poll_seconds,
            default_allow=settings.rules.default_allow,
            reading=settings.rules.reading,
            identities=settings.cluster.identity != "pod",
        )
        return GraphKeeper(
            Verefoo(self._http, settings.verefoo.timeout),
            self._outlet,
            keeping,
            rows=lambda: PartitionRows(self._tables["graphs"], partition),
            owns=lambda: partition in owned(),
        )

    def _owned(self, topic: str) -> Any:
        return owned_partitions(self.app, names(self._settings)[topic])

    def _aligning(self) -> Aligning:
        settings = self._settings
        return Aligning(
            partitions=settings.kafka.partitions,
            epoch=self._epoch,
            clusters=(settings.cluster.name,),
        )

    def _install_agents(self) -> None:
        settings, epoch = self._settings, self._epoch
        graphs, clusters = (settings.graph.name,), (settings.cluster.name,)
        partitions = settings.kafka.partitions
        base = (self.app, self._topics, self._tables, self._outlet)
        tracking = Tracking(
            settings.cluster.name,
            graphs,
            None if settings.cluster.namespace_selector else frozenset(settings.cluster.namespaces),
            reserved_addresses(settings.graph),
            settings.cluster.never_managed,
            settings.cluster.identity != "pod",
        )
        names = firewall_names(settings.graph)
        checks = Checks(frozenset(graphs), names, settings.rules.default_allow)
        frames = settings.kafka.frame_minutes * 60
        limit = settings.rules.blast_limit
        routing = Routing(partitions, epoch, clusters, judging_of(settings), frames, limit)
        compiling = Compiling(settings.instance, epoch, clusters)
        pod_tracker.install(*base, tracking, settings.cluster.strangers)
        firewall_gate.install(self.app, self._topics, self._outlet, checks)
        rule_router.install(*base, routing)
        policy_compiler.install(*base, compiling)
        policy_applier.install(*base, self._queue, settings.cluster.name)
        outcome_recorder.install(*base)
        graph_aligner.install(*base, {settings.graph.name: self._keeper}, self._aligning())
        listeners = (self._watcher.request_barrier, self._keeper.request_barrier)
        barrier_caller.install(self.app, self._topics, self._outlet, listeners)

    def _install_identities(self) -> GraceClock | None:
        settings, epoch = self._settings, self._epoch
        graph, partitions = settings.graph.name, settings.kafka.partitions
        if settings.cluster.identity == "pod":
            return None
        ours = Identifying(
            partitions=partitions,
            epoch=epoch,
            clusters=(settings.cluster.name,),
            addresses=IPv4Network(settings.graph.identities),
            reserved=reserved_addresses(settings.graph),
            grace_seconds=settings.graph.grace_minutes * 60.0,
        )
        kept = KeptIdentities(self._tables)
        identity_keeper.install(self.app, self._topics, self._outlet, kept, ours)
        owned, here = self._owned(IDENTITY_FACTS), partition_of(graph, partitions)
        return GraceClock(
            self._outlet.deliver,
            graph,
            epoch,
            owns=lambda: here in owned(),
            due=lambda now: due(kept.get(graph, here), now, ours),
        )

    def _install_hands(self) -> None:
        app = self.app

        async def on_moved(*_: Any, **__: Any) -> None:
            self._queue.reassigned()

        app.on_rebalance_complete.connect(on_moved, weak=False)

        @app.task
        async def work() -> None:
            # Faust would leave a hand that failed lying; a worker without one is no worker.
            try:
                hands = [self._watcher.run(), self._queue.run(), self._keeper.run(), self._gauge()]
                hands.append(self._managed.run())
                others = (self._closer, self._stamper, self._clock)
                hands += [each.run() for each in others if each is not None]
                await first_to_end(*hands)
            finally:
                await self._http.aclose()
                await self._cluster.close()

    async def _gauge(self) -> None:
        while True:
            self._metrics.pending(self._queue.pending)
            self._metrics.aligned(self._settings.graph.name, self._keeper.aligned)
            await asyncio.sleep(GAUGE_SECONDS)

    def _install_web(self, listener: socket.socket | None) -> None:
        install_web(
            self.app,
            self._tables,
            self._metrics,
            checks=self._checks(),
            status=self._status,
            worker_name=self._settings.state_dir.name,
            outside=self._outside(),
            listener=listener,
            probe_port=self._settings.web.probe_port,
        )

    def _outside(self) -> Outside:
        settings = self._settings

        async def stored() -> Stored:
            return await read_namespaces(self._cluster, sorted(self._managed.now))

        return Outside(stored, partial(read_topics, settings), judging_of(settings))

    def _checks(self) -> Mapping[str, Check]:
        managed = self._managed
        checks: dict[str, Check] = {
            "pods": lambda: self._watcher.last_error or None,
            "policies": lambda: self._queue.last_error or None,
            "managed": lambda: managed.last_error or None,
        }
        if (closer := self._closer) is not None:
            checks["namespaces"] = lambda: closer.last_error or None
        return checks

    def _status(self) -> dict[str, Any]:
        queue, keeper, watcher = self._queue, self._keeper, self._watcher
        return {
            "namespaces": {"managed": sorted(self._managed.now), "error": self._managed.last_error},
            "pod_watcher": {
                "leading": watcher.leading,
                "error": watcher.last_error,
                **({"unread": watcher.unread} if watcher.unread else {}),
            },
            "policy_applier": {
                "pending": queue.pending,
                "shadow": sorted(self._settings.cluster.shadowed),
                "error": queue.last_error,
            },
            **({"namespace_closer": self._closer.status} if self._closer else {}),
            **({"pod_stamper": {"error": self._stamper.last_error}} if self._stamper else {}),
            "graph_keeper": {
                "graph": self._settings.graph.name,
                "id": keeper.gid,
                "aligned": keeper.aligned,
                "polls": keeper.polls,
                "writes": keeper.writes,
                "alarms": keeper.alarms,
                "error": keeper.last_error,
            },
        }


def _options(settings: Settings) -> KafkaOptions:
    kafka = settings.kafka
    return KafkaOptions(
        broker=kafka.broker,
        app_id=kafka.app_id,
        datadir=settings.state_dir / "tables",
        partitions=kafka.partitions,
        replication=kafka.replication,
        web_port=settings.web.port if settings.web.enabled else None,
        web_bind=settings.web.host,
        session_timeout=kafka.session_timeout,
        heartbeat=kafka.heartbeat,
    )
