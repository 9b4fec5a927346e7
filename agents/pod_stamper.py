"""Give a label of our own to the pods that their ``app`` label does not pick out alone.

reads   the pods that the watcher sees
writes  the cluster's pods: one label

It names the uid it was decided for, so a label never comes to the next pod of the same name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import structlog

from agents.clients.errors import ClientError, Conflict, NotThere
from agents.clients.kubernetes import Cluster
from agents.clients.waiting import Backoff
from agents.managed_namespaces import covers
from streams.policy.selection import OWN_LABEL
from streams.policy.stamping import Wearers
from streams.records.pods import FINISHED, PodEvent, PodEventType
from streams.records.views import PodRef

MOST_SECONDS = 5.0

log = structlog.get_logger()


class PodStamper:
    """Stamps pods as they are heard of; somebody else's stamp is put right."""

    def __init__(self, cluster: Cluster, shadow: Iterable[str] = ()) -> None:
        self._cluster = cluster
        # In these namespaces nothing is written.
        self._shadow = frozenset(shadow)
        self._wearers = Wearers()
        self._due: dict[str, PodRef] = {}
        self._some_due = asyncio.Event()
        self._error = ""

    @property
    def last_error(self) -> str:
        """Say why a pod could not be given its label, if one could not."""
        return self._error

    def begin(self) -> None:
        """Forget all pods: a listing names those that live."""
        self._wearers = Wearers()
        self._due.clear()

    def hear(self, cluster: str, event: PodEvent) -> None:
        """Take in one change of one pod."""
        pod = PodRef(
            cluster=cluster,
            namespace=event.namespace,
            name=event.pod_name,
            uid=event.uid,
            labels=event.labels,
        )
        over = event.event is PodEventType.DELETED or event.phase in FINISHED
        # No policy selects a pod on its host's network, whatever it wears.
        if over or event.host_network:
            self._due.pop(pod.key, None)
            touched = self._wearers.drop(pod.key)
        else:
            touched = self._wearers.put(pod)
        for each in touched:
            if self._wearers.needs(each) and not covers(self._shadow, each.namespace):
                self._due[each.key] = each
            else:
                self._due.pop(each.key, None)
        if self._due:
            self._some_due.set()

    async def run(self) -> None:
        """Stamp until cancelled."""
        backoff = Backoff(most=MOST_SECONDS)
        while True:
            self._some_due.clear()
            if well := await self._stamp_all():
                backoff.reset()
                self._error = ""
            # Who cannot be stamped is tried again, and nobody else waits for that.
            with suppress(TimeoutError):
                async with asyncio.timeout(None if well else backoff.next()):
                    await self._some_due.wait()

    async def _stamp_all(self) -> bool:
        """Return whether nobody is left."""
        well = True
        for key, pod in list(self._due.items()):
            try:
                await self._stamp(pod)
            except ClientError as error:
                self._note(key, error)
                well = False
            else:
                # Meanwhile it may be another pod that is due under this key.
                if self._due.get(key) is pod:
                    del self._due[key]
        return well

    async def _stamp(self, pod: PodRef) -> None:
        try:
            await self._cluster.label_pod(pod.namespace, pod.name, pod.uid, {OWN_LABEL: pod.uid})
        except (NotThere, Conflict):
            # It is gone: the watcher says so, or has said so.
            return
        log.info("pod labelled", pod=pod.key, uid=pod.uid)

    def _note(self, key: str, error: ClientError) -> None:
        said = f"{key}: {error}"
        if said != self._error:
            log.warning("pod not labelled", pod=key, error=str(error))
        self._error = said
