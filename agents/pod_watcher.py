"""Follow the pods of one cluster and the Services before them, as the only one who does.

reads   the cluster
writes  pod-events, dead-letters
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from uuid import uuid4

import structlog

from agents.clients.errors import ClientError
from agents.clients.following import follow
from agents.clients.kubernetes import Cluster, Listing
from agents.clients.lease import Leadership
from agents.clients.waiting import Backoff, first_to_end
from agents.clients.workloads import Workloads
from agents.courier import Courier
from agents.managed_namespaces import ManagedNamespaces
from agents.outlet import Emit
from agents.pod_stamper import PodStamper
from agents.pod_teller import PodTeller
from streams.flow.output import Send

RELIST_SECONDS = 5.0
FRAME_SECONDS = 10_800.0
# A broker that was started anew answers sooner.
EMIT_SECONDS = 20.0
# Who waits for a barrier has given up by then.
BARRIER_SECONDS = 120.0
KEPT_BARRIERS = 64

log = structlog.get_logger()


class LeaseLost(Exception):
    """Another watcher may speak by now."""


class BrokerSilent(Exception):
    """What is told does not arrive; what another watcher tells may."""


class PodWatcher:
    """
    Lists the pods, then watches them; lists them again when its place is lost.

    Only the leader speaks. A listing names every pod between two marks in
    every partition, so that deletions nobody saw follow from the records alone.
    """

    def __init__(
        self,
        cluster: Cluster,
        leadership: Leadership,
        emit: Emit,
        *,
        cluster_name: str,
        managed: ManagedNamespaces,
        partitions: int,
        epoch: int,
        stamper: PodStamper | None = None,
        workloads: Workloads | None = None,
        relist_seconds: float = RELIST_SECONDS,
        frame_seconds: float = FRAME_SECONDS,
        emit_seconds: float = EMIT_SECONDS,
    ) -> None:
        self._error = ""
        self._cluster = cluster
        self._leadership = leadership
        self._emit = emit
        self._name = cluster_name
        self._managed = managed
        self._partitions = partitions
        self._epoch = epoch
        self._stamper = stamper
        self._workloads = workloads
        self._relist_seconds = relist_seconds
        self._frame_seconds = frame_seconds
        self._emit_seconds = emit_seconds
        self._next_listing = 0.0
        self._backoff = Backoff()
        self._barriers: dict[str, float] = {}
        self._sent: deque[str] = deque(maxlen=KEPT_BARRIERS)
        self._asked = asyncio.Event()

    @property
    def leading(self) -> bool:
        """Tell whether this watcher is the one that speaks."""
        return self._leadership.leading

    @property
    def last_error(self) -> str:
        """Say what is in the way at the moment, if anything is."""
        # What was in a leader's way is not in the way of who only waits to be one.
        return (self._error if self.leading else "") or self._leadership.trouble

    @property
    def unread(self) -> list[str]:
        """Say which owners of pods we may not read, as the server puts it."""
        return self._workloads.unread if self._workloads else []

    def request_barrier(self, id: str) -> None:
        """Have the pods listed once more, and a barrier sent behind the listing.

        Every watcher is asked, for the leader may change; each id is answered once.
        """
        if id in self._sent or id in self._barriers:
            return
        self._barriers[id] = time.monotonic()
        while len(self._barriers) > KEPT_BARRIERS:
            del self._barriers[next(iter(self._barriers))]
        self._asked.set()

    async def run(self) -> None:
        """Follow the pods until cancelled, whatever the cluster and the broker answer."""
        while True:
            try:
                await self._leadership.lead(self._follow)
            except LeaseLost:
                log.warning("lease lost", cluster=self._name)
            except BrokerSilent as error:
                self._note(error)
                # Long enough for another one to take the lease.
                await asyncio.sleep(self._emit_seconds)
            except Exception as error:
                self._note(error)
                await asyncio.sleep(self._backoff.next())

    async def _follow(self, lease: int) -> None:
        log.info("leading", cluster=self._name, lease=lease)
        courier = Courier(self._emit_while_leading)
        teller = PodTeller(
            courier,
            cluster_name=self._name,
            partitions=self._partitions,
            epoch=self._epoch,
            lease=lease,
            hear=self._stamper.hear if self._stamper else None,
            workloads=self._workloads,
        )
        try:
            while True:
                try:
                    await self._list_and_watch(teller, courier)
                except ClientError as error:
                    self._note(error)
                    await asyncio.sleep(self._backoff.next(getattr(error, "retry_after", None)))
        finally:
            await courier.abandon()

    async def _emit_while_leading(self, output: Send) -> None:
        # Asked before every record: a process that stood still may have been succeeded.
        if not self._leadership.leading:
            raise LeaseLost
        try:
            async with asyncio.timeout(self._emit_seconds):
                await self._emit(output)
        except TimeoutError as error:
            told = f"no acknowledgement within {self._emit_seconds:g} s"
            raise BrokerSilent(told) from error

    async def _list_and_watch(self, teller: PodTeller, courier: Courier) -> None:
        """List, then watch until a barrier or a frame is due, or namespaces or a place are lost."""
        await self._turn()
        self._asked.clear()
        barriers = self._waiting_barriers()
        namespaces = await self._managed.known()
        listings = {each: await self._cluster.list_pods(each) for each in sorted(namespaces)}
        services = {each: await self._cluster.list_services(each) for each in sorted(namespaces)}
        if self._workloads is not None:
            await self._workloads.begin(pod for each in listings.values() for pod in each.items)
            for unread in self.unread:
                log.warning("owners not read", cluster=self._name, error=unread)
        await self._tell_all(teller, listings.values(), services.values())
        for barrier in barriers:
            await teller.barrier(barrier)
            self._barriers.pop(barrier, None)
            self._sent.append(barrier)
        self._backoff.reset()
        self._error = ""
        watches = [
            *(self._watch(teller, name, listings[name].version) for name in listings),
            *(self._watch_services(teller, name, services[name].version) for name in services),
        ]
        changed = self._managed.changed(namespaces)
        until = (self._asked.wait(), self._frame_due(), courier.failure(), changed)
        await first_to_end(*until, *watches)

    async def _frame_due(self) -> None:
        """Return when all is to be listed anew, so that the graph is written down whole."""
        await asyncio.sleep(self._frame_seconds)

    async def _turn(self) -> None:
        """Wait until the next listing is due: a place lost again and again must not be a storm."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._next_listing - time.monotonic())):
                await self._asked.wait()
        self._next_listing = time.monotonic() + self._relist_seconds

    def _waiting_barriers(self) -> list[str]:
        oldest = time.monotonic() - BARRIER_SECONDS
        self._barriers = {id: at for id, at in self._barriers.items() if at >= oldest}
        return list(self._barriers)

    async def _tell_all(
        self, teller: PodTeller, listings: Iterable[Listing], services: Iterable[Listing]
    ) -> None:
        if self._stamper is not None:
            self._stamper.begin()
        name = uuid4().hex
        started = await teller.list_started(name)
        for listing in listings:
            for pod in listing.items:
                await teller.tell("ADDED", pod)
        for listing in services:
            for service in listing.items:
                await teller.tell_service("ADDED", service)
        await teller.list_complete(name, started)

    async def _watch(self, teller: PodTeller, namespace: str, version: str) -> None:
        await follow(self._cluster.watch_pods(namespace, version), teller.tell, self._note)

    async def _watch_services(self, teller: PodTeller, namespace: str, version: str) -> None:
        watch = self._cluster.watch_services(namespace, version)
        await follow(watch, teller.tell_service, self._note)

    def _note(self, error: Exception | None) -> None:
        self._error = f"{type(error).__name__}: {error}" if error else ""
        if error:
            log.warning("pods not followed", cluster=self._name, error=self._error)
