"""A watcher of pods for a while, and what it told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

from agents.clients.kubernetes import Cluster
from agents.clients.lease import Leadership
from agents.managed_namespaces import ManagedNamespaces
from agents.pod_watcher import PodWatcher
from streams.flow.output import POD_EVENTS, Send
from streams.records.marks import Mark, MarkKind
from streams.records.pods import PodEvent
from tests.integration.kubernetes.world import Records

PARTITIONS = 3


@asynccontextmanager
async def watching(cluster: Cluster, records: Records, holder: str = "one", **more: Any) -> Any:
    leadership = Leadership(
        cluster, namespace="default", name="vereflow-local-pods", holder=holder, seconds=4.0
    )
    told = {"relist_seconds": 0.05} | more
    told["managed"] = told.pop("managed", ManagedNamespaces(told.pop("namespaces", ("default",))))
    emit = told.pop("emit", records.emit)
    watcher = PodWatcher(
        cluster, leadership, emit, cluster_name="local", partitions=PARTITIONS, epoch=4, **told
    )
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def events(records: Records) -> list[PodEvent]:
    found = [send.value for send in records.sent if send.topic == POD_EVENTS]
    told = [event for event in found if isinstance(event, PodEvent) and event.mark is None]
    # A real server has a Service of its own in the namespace of the tests.
    return [event for event in told if event.service is None]


def marks(records: Records, kind: MarkKind | None = None) -> list[tuple[Mark, Send]]:
    found = [
        (send.value.mark, send)
        for send in records.sent
        if isinstance(send.value, PodEvent) and send.value.mark is not None
    ]
    return [(mark, send) for mark, send in found if kind in (None, mark.kind)]


def listings(records: Records) -> int:
    return len({mark.id for mark, _ in marks(records, MarkKind.LIST_COMPLETE)})


def complete(records: Records, times: int = 1) -> bool:
    return len(marks(records, MarkKind.LIST_COMPLETE)) >= times * PARTITIONS


def names(records: Records) -> list[str]:
    return [f"{event.event} {event.pod_name}" for event in events(records)]
