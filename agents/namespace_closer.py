"""Keep every managed namespace closed by one standing policy, so that its pods are born closed.

reads   the cluster's standing policies, its DNS service
writes  the cluster

What closes is never removed by us: whatever ends, the namespace stays closed. What is allowed
beside it goes when it is no longer asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import structlog

from agents.clients.errors import (
    AlreadyThere,
    ClientError,
    Conflict,
    NotThere,
    Refused,
    TryLater,
)
from agents.clients.following import follow
from agents.clients.kubernetes import Cluster, Listing
from agents.clients.waiting import Backoff, first_to_end
from streams.policy.canonical import spec_equal
from streams.policy.dialects.standing import DNS, NAME, STANDING, asking_dns, closing, render

# A namespace that is still to come is looked for this often, and the DNS service for a change.
LOOK_SECONDS = 1.0
DNS_SECONDS = 10.0

Json = dict[str, Any]

log = structlog.get_logger()


class NamespaceCloser:
    """
    The standing policies of each namespace: created, followed, put back when somebody edits them.

    ``dns`` is the cluster's DNS service, namespace/name, if every pod may ask it.
    """

    def __init__(
        self, cluster: Cluster, *, instance: str, namespaces: Iterable[str], dns: str = ""
    ) -> None:
        self._cluster = cluster
        self._instance = instance
        self._dns = dns
        self._namespaces = sorted(namespaces)
        # What is to stand in every namespace, by name.
        self._wanted: dict[str, Json] = {NAME: closing()}
        self._changed = {namespace: asyncio.Event() for namespace in self._namespaces}
        # Namespace → why it is not closed.
        self._open = dict.fromkeys(self._namespaces, "not closed yet")
        self._broken: dict[str, str] = {"dns": "not read yet"} if dns else {}

    @property
    def last_error(self) -> str:
        """Say which namespaces may be open and why, or what keeps us from seeing it."""
        return "; ".join(f"{name}: {why}" for name, why in {**self._open, **self._broken}.items())

    async def run(self) -> None:
        """Keep all namespaces closed until cancelled."""
        works = [self._keep(namespace) for namespace in self._namespaces]
        if self._dns:
            works.append(self._follow_dns())
        await first_to_end(*works)

    async def _follow_dns(self) -> None:
        """Read again and again behind which pods and ports the cluster's DNS is."""
        namespace, _, name = self._dns.partition("/")
        while True:
            try:
                spec = asking_dns(await self._cluster.get_service(namespace, name))
            except (ClientError, ValueError) as error:
                # What is known stays in force.
                self._note("dns", error)
            else:
                self._broken.pop("dns", None)
                if spec != self._wanted.get(DNS):
                    self._wanted[DNS] = spec
                    for changed in self._changed.values():
                        changed.set()
            await asyncio.sleep(LOOK_SECONDS if "dns" in self._broken else DNS_SECONDS)

    async def _keep(self, namespace: str) -> None:
        backoff = Backoff(most=LOOK_SECONDS)
        began = time.monotonic()
        while True:
            try:
                self._changed[namespace].clear()
                version = await self._close(namespace)
                self._closed(namespace, time.monotonic() - began)
                backoff.reset()
                changed = self._changed[namespace].wait()
                await first_to_end(self._watch(namespace, version), changed)
            except ClientError as error:
                self._note(namespace, error)
                asked = error.retry_after if isinstance(error, TryLater) else None
                await asyncio.sleep(backoff.next(asked))

    async def _close(self, namespace: str) -> str:
        """Return a version from which on a watch shows whoever changes what stands now."""
        listing = await self._cluster.list_policies(namespace, f"{STANDING}={self._instance}")
        await self._see_to(namespace, listing)
        return listing.version

    async def _see_to(self, namespace: str, listing: Listing) -> None:
        found = {each["metadata"]["name"]: each for each in listing.items}
        for name in list(self._wanted):
            if name in found:
                await self._mend(found[name])
            else:
                await self._create(namespace, name)
        for name in found.keys() - self._wanted.keys():
            # Until the DNS service was read it is not known what is wanted of it.
            if not (name == DNS and self._dns):
                await self._remove(found[name])

    async def _create(self, namespace: str, name: str) -> None:
        manifest = render(namespace, self._instance, name, self._wanted[name])
        try:
            await self._cluster.create_policy(manifest)
        except AlreadyThere:
            # Another worker's, made since we looked; or somebody's who took our name or our label.
            found = await self._cluster.get_policy(namespace, name)
            if (found["metadata"].get("labels") or {}).get(STANDING) != self._instance:
                said = f"a policy named {name} is there and does not bear our label"
                raise Refused(said) from None
            await self._mend(found)

    async def _mend(self, found: Json) -> None:
        about = found["metadata"]
        wanted = self._wanted[about["name"]]
        if spec_equal(found.get("spec") or {}, wanted):
            return
        log.warning("policy put back", namespace=about["namespace"], policy=about["name"])
        try:
            await self._cluster.replace_spec(found, wanted)
        except (Conflict, NotThere) as changed:
            raise TryLater(f"{about['name']} changes under our hands") from changed

    async def _remove(self, found: Json) -> None:
        about = found["metadata"]
        log.info("allowance ends", namespace=about["namespace"], policy=about["name"])
        where = (about["namespace"], about["name"], about["uid"], about["resourceVersion"])
        try:
            await self._cluster.delete_policy(*where)
        except (Conflict, NotThere) as changed:
            raise TryLater(f"{about['name']} changes under our hands") from changed

    async def _watch(self, namespace: str, version: str) -> None:
        selector = f"{STANDING}={self._instance}"
        watch = self._cluster.watch_policies(namespace, selector, version)

        async def hear(change: str, found: Json) -> None:
            name = found["metadata"]["name"]
            if name not in self._wanted:
                return
            if change != "DELETED":
                await self._mend(found)
            else:
                if name == NAME:
                    self._open[namespace] = "its standing policy is gone"
                await self._create(namespace, name)
                log.warning("policy put back", namespace=namespace, policy=name)
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

    def _note(self, what: str, error: Exception) -> None:
        said = str(error)
        if self._broken.get(what) != said:
            log.warning("not seen to be closed and allowed", what=what, error=said)
        self._broken[what] = said
