"""Say of one cluster's pods what is news, stamped and framed, for one term of a watcher."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from agents.clients.pod_events import pod_event, service_event
from agents.clients.workloads import Workloads
from agents.courier import Courier
from agents.outlet import MAX_RAW
from streams.codec import escape
from streams.flow.output import DEAD_LETTERS, POD_EVENTS, Send
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.pods import PodEvent
from streams.records.policies import DeadLetter
from streams.records.reasons import LetterReason

Hear = Callable[[str, PodEvent], None]
Read = Callable[[dict[str, Any], str, str, Stamp], PodEvent | None]

# What may change without being news.
_SILENT = {"stamp", "resource_version", "event", "event_code"}


class PodTeller:
    """Everything it sends bears a larger stamp than what it, or an earlier term, sent before."""

    def __init__(
        self,
        courier: Courier,
        *,
        cluster_name: str,
        partitions: int,
        epoch: int,
        lease: int,
        hear: Hear | None = None,
        workloads: Workloads | None = None,
    ) -> None:
        self._courier = courier
        self._cluster = cluster_name
        self._partitions = partitions
        self._epoch = epoch
        self._lease = lease
        self._n = 0
        self._hear = hear
        self._workloads = workloads
        self._told: dict[str, bytes] = {}

    async def list_started(self, listing: str) -> Stamp:
        """Tell every partition that all pods follow; return the stamp that says since when."""
        self._told.clear()
        await self._courier.arrived()
        started = self._stamp()
        await self._mark(MarkKind.LIST_STARTED, listing, started)
        return started

    async def list_complete(self, listing: str, started: Stamp) -> None:
        """Tell every partition that what was not named since then is gone."""
        await self._courier.arrived()
        await self._mark(MarkKind.LIST_COMPLETE, listing, started)

    async def barrier(self, barrier: str) -> None:
        """Tell every partition that everything before the barrier has been said."""
        await self._courier.arrived()
        await self._mark(MarkKind.BARRIER, barrier, None)

    async def tell(self, change: str, pod: dict[str, Any]) -> None:
        """Send one change of one pod, unless it is none to us; raise TryLater."""
        event = await self._read(pod_event, change, pod)
        if event is None:
            return
        if self._workloads is not None:
            workload = await self._workloads.workload(pod)
            event = event.model_copy(update={"workload": workload})
        if self._hear is not None:
            self._hear(self._cluster, event)
        await self._say(change, event)

    async def tell_service(self, change: str, service: dict[str, Any]) -> None:
        """Send one change of one Service, unless it is none to us."""
        event = await self._read(service_event, change, service)
        if event is not None:
            await self._say(change, event)

    async def _read(self, read: Read, change: str, found: dict[str, Any]) -> PodEvent | None:
        """Return what is told of an object; bury what no record can express."""
        try:
            return read(found, change, self._cluster, self._stamp())
        except ValueError as error:
            await self._courier.send(_letter(found, str(error)))
            return None

    async def _say(self, change: str, event: PodEvent) -> None:
        key = event.key(self._cluster)
        content = _content(event)
        if change == "MODIFIED" and self._told.get(key) == content:
            return
        if change == "DELETED":
            self._told.pop(key, None)
        else:
            self._told[key] = content
        await self._courier.send(Send(POD_EVENTS, key, event))

    def _stamp(self) -> Stamp:
        self._n += 1
        return Stamp(lease=self._lease, n=self._n)

    async def _mark(self, kind: MarkKind, name: str, started: Stamp | None) -> None:
        stamp = started if kind is MarkKind.LIST_STARTED else self._stamp()
        for partition in range(self._partitions):
            mark = Mark(
                kind=kind,
                id=name,
                cluster=self._cluster,
                epoch=self._epoch,
                partition=partition,
                stamp=stamp,
                started=started,
            )
            event = PodEvent(mark=mark, cluster=self._cluster)
            await self._courier.send(Send(POD_EVENTS, f"mark-{partition}", event, partition))
        await self._courier.arrived()


def _content(event: PodEvent) -> bytes:
    return blake2b(event.model_dump_json(exclude=_SILENT).encode(), digest_size=16).digest()


def _letter(pod: dict[str, Any], why: str) -> Send:
    meta = pod.get("metadata") or {}
    where = (str(meta.get(name) or "")[:253] for name in ("namespace", "name", "resourceVersion"))
    letter = DeadLetter(
        topic="kubernetes",
        # It lay at no offset: nothing can be read there again.
        partition=-1,
        offset=-1,
        reason=LetterReason.BAD_POD,
        detail=escape(why),
        raw=base64.b64encode(json.dumps(pod).encode()[:MAX_RAW]).decode(),
        at=time.time(),
    )
    return Send(DEAD_LETTERS, "/".join(("kubernetes", *where)), letter)
