"""Keep every managed namespace closed by one standing policy, so that its pods are born closed.

reads   the cluster's standing policies
writes  the cluster

It is never removed by us: whatever ends, the namespace stays closed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import structlog

from agents.clients.errors import AlreadyThere, ClientError, Conflict, NotThere, Refused, TryLater
from agents.clients.following import follow
from agents.clients.kubernetes import Cluster
from agents.clients.waiting import Backoff, first_to_end
from streams.policy.canonical import spec_equal
from streams.policy.dialects.standing import NAME, STANDING, closing, render

# A namespace that is still to come is looked for this often.
LOOK_SECONDS = 1.0

Json = dict[str, Any]

log = structlog.get_logger()


class NamespaceCloser:
    """One standing policy per namespace: created, followed, and put back when somebody edits it."""

    def __init__(self, cluster: Cluster, *, instance: str, namespaces: Iterable[str]) -> None:
        self._cluster = cluster
        self._instance = instance
        # Namespace → why it is not closed.
        self._open = {namespace: "not closed yet" for namespace in sorted(namespaces)}
        self._broken: dict[str, str] = {}

    @property
    def last_error(self) -> str:
        """Say which namespaces may be open and why, or what keeps us from seeing it."""
        return "; ".join(f"{name}: {why}" for name, why in {**self._open, **self._broken}.items())

    async def run(self) -> None:
        """Keep all namespaces closed until cancelled."""
        await first_to_end(*(self._keep(namespace) for namespace in list(self._open)))

    async def _keep(self, namespace: str) -> None:
        backoff = Backoff(most=LOOK_SECONDS)
        began = time.monotonic()
        while True:
            try:
                version = await self._close(namespace)
                self._closed(namespace, time.monotonic() - began)
                backoff.reset()
                await self._watch(namespace, version)
            except ClientError as error:
                self._note(namespace, error)
                asked = error.retry_after if isinstance(error, TryLater) else None
                await asyncio.sleep(backoff.next(asked))

    async def _close(self, namespace: str) -> str:
        """Return a version from which on a watch shows whoever opens what is closed now."""
        listing = await self._cluster.list_policies(namespace, f"{STANDING}={self._instance}")
        found = next((each for each in listing.items if each["metadata"]["name"] == NAME), None)
        if found is None:
            await self._create(namespace)
        else:
            await self._mend(found)
        return listing.version

    async def _create(self, namespace: str) -> None:
        try:
            await self._cluster.create_policy(render(namespace, self._instance))
        except AlreadyThere:
            # Another worker's, made since we looked; or somebody's who took our name or our label.
            found = await self._cluster.get_policy(namespace, NAME)
            if (found["metadata"].get("labels") or {}).get(STANDING) != self._instance:
                said = f"a policy named {NAME} is there and does not bear our label"
                raise Refused(said) from None
            await self._mend(found)

    async def _mend(self, found: Json) -> None:
        if spec_equal(found.get("spec") or {}, closing()):
            return
        log.warning("namespace closed again", namespace=found["metadata"]["namespace"])
        try:
            await self._cluster.replace_spec(found, closing())
        except (Conflict, NotThere) as changed:
            raise TryLater(f"{NAME} changes under our hands") from changed

    async def _watch(self, namespace: str, version: str) -> None:
        selector = f"{STANDING}={self._instance}"
        watch = self._cluster.watch_policies(namespace, selector, version)

        async def hear(change: str, found: Json) -> None:
            if found["metadata"]["name"] != NAME:
                return
            if change == "DELETED":
                self._open[namespace] = "its standing policy is gone"
                await self._create(namespace)
                log.warning("namespace closed again", namespace=namespace)
            else:
                await self._mend(found)
            self._open.pop(namespace, None)

        await follow(watch, hear, lambda trouble: self._seen(namespace, trouble))

    def _closed(self, namespace: str, seconds: float) -> None:
        self._broken.pop(namespace, None)
        if self._open.pop(namespace, None) is not None:
            log.info("namespace closed", namespace=namespace, seconds=round(seconds, 3))

    def _seen(self, namespace: str, trouble: ClientError | None) -> None:
        if trouble is None:
            self._broken.pop(namespace, None)
        else:
            self._broken[namespace] = str(trouble)

    def _note(self, namespace: str, error: ClientError) -> None:
        said = str(error)
        if self._broken.get(namespace) != said:
            log.warning("namespace not seen to be closed", namespace=namespace, error=said)
        self._broken[namespace] = said
