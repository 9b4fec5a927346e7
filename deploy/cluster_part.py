"""The part of a worker at its cluster: it follows the pods and writes the policies."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from agents import policy_applier
from agents.announcer import Announcer
from agents.apply_queue import ApplyQueue
from agents.clients.kubernetes import Cluster
from agents.clients.lease import Leadership
from agents.clients.workloads import workloads_of
from agents.namespace_closer import NamespaceCloser
from agents.pod_stamper import PodStamper
from agents.pod_watcher import PodWatcher
from agents.web.health import Check
from deploy.allowing import allowances_of
from deploy.managing import managed_namespaces
from deploy.part import Base, Hand
from streams.flow.output import POLICY_PATCHES
from tables.partition import PartitionRows


class ClusterPart:
    """What needs the API server, and no Verefoo."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._told = base.settings.cluster
        self._cluster = Cluster.of(self._told.kubeconfig, self._told.context)
        self._managed = managed_namespaces(self._cluster, self._told)
        self._stamper = self._pod_stamper()
        self._watcher = self._pod_watcher()
        self._announcer = Announcer(
            self._cluster, self._told.name, self._managed, of_pods=self._told.identity == "pod"
        )
        self._queue = self._apply_queue()
        self._closer = self._namespace_closer()
        self._install()

    @property
    def listeners(self) -> tuple[Callable[[str], None], ...]:
        """Who must hear of barriers."""
        return (self._watcher.request_barrier,)

    @property
    def hands(self) -> list[Hand]:
        """What runs beside the agents."""
        others = (self._closer, self._stamper)
        hands = [self._watcher.run(), self._queue.run(), self._managed.run()]
        hands.append(self._announcer.run())
        return [*hands, *(each.run() for each in others if each is not None)]

    @property
    def checks(self) -> Mapping[str, Check]:
        """What must be well for the worker to be ready."""
        checks: dict[str, Check] = {
            "pods": lambda: self._watcher.last_error or None,
            "policies": lambda: self._queue.last_error or None,
            "managed": lambda: self._managed.last_error or None,
        }
        if (closer := self._closer) is not None:
            checks["namespaces"] = lambda: closer.last_error or None
        return checks

    @property
    def status(self) -> dict[str, Any]:
        """What the hands say of themselves."""
        queue, watcher, managed = self._queue, self._watcher, self._managed
        return {
            "namespaces": {"managed": sorted(managed.now), "error": managed.last_error},
            "pod_watcher": {
                "cluster": self._told.name,
                "leading": watcher.leading,
                "error": watcher.last_error,
                **({"unread": watcher.unread} if watcher.unread else {}),
            },
            "policy_applier": {
                "cluster": self._told.name,
                "pending": queue.pending,
                "shadow": sorted(self._told.shadowed),
                "error": queue.last_error,
            },
            **({"namespace_closer": self._closer.status} if self._closer else {}),
            **({"pod_stamper": {"error": self._stamper.last_error}} if self._stamper else {}),
        }

    def gauge(self) -> None:
        """Say in the metrics how things are."""
        self._base.metrics.pending(self._queue.pending)

    async def close(self) -> None:
        """Let go of the API server."""
        await self._cluster.close()

    def _pod_watcher(self) -> PodWatcher:
        base, cluster = self._base, self._told
        leadership = Leadership(
            self._cluster,
            namespace=cluster.own_namespace,
            name=f"vereflow-{base.settings.instance}-{cluster.name}-pods",
            holder=f"{socket.gethostname()}-{os.getpid()}",
            seconds=cluster.lease_seconds,
        )
        return PodWatcher(
            self._cluster,
            leadership,
            base.outlet.deliver,
            cluster_name=cluster.name,
            managed=self._managed,
            partitions=base.settings.kafka.partitions,
            epoch=base.epoch,
            stamper=self._stamper,
            workloads=workloads_of(self._cluster, cluster.identity),
            frame_seconds=base.settings.kafka.frame_minutes * 60,
        )

    def _pod_stamper(self) -> PodStamper | None:
        if self._told.selection != "label":
            return None
        return PodStamper(self._cluster, self._told.shadowed)

    def _apply_queue(self) -> ApplyQueue:
        base, cluster = self._base, self._told
        return ApplyQueue(
            self._cluster,
            base.outlet.deliver,
            instance=base.settings.instance,
            cluster_name=cluster.name,
            managed=self._managed,
            partitions=base.settings.kafka.partitions,
            graphs=(base.settings.graph.name,),
            concurrency=cluster.concurrency,
            wanted=lambda partition: PartitionRows(base.tables["wanted"], partition),
            owned=base.owned(f"{POLICY_PATCHES}.{cluster.name}"),
            epoch=base.epoch,
            shadow=cluster.shadowed,
            keep_left=cluster.when_left == "keep",
            announce=self._announcer.tell,
        )

    def _namespace_closer(self) -> NamespaceCloser | None:
        cluster = self._told
        if cluster.isolation != "namespace":
            return None
        return NamespaceCloser(
            self._cluster,
            instance=self._base.settings.instance,
            managed=self._managed,
            shadow=cluster.shadowed,
            keep_left=cluster.when_left == "keep",
            allowances=allowances_of(self._cluster, self._base.settings.allowances),
        )

    def _install(self) -> None:
        base, queue = self._base, self._queue
        policy_applier.install(
            base.app, base.topics, base.tables, base.outlet, queue, self._told.name
        )

        async def on_moved(*_: Any, **__: Any) -> None:
            queue.reassigned()

        base.app.on_rebalance_complete.connect(on_moved, weak=False)
