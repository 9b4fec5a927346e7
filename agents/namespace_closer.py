"""Keep every managed namespace closed by one standing policy, so that its pods are born closed.

reads   the cluster's standing policies
writes  the cluster

What closes is never removed by us while a namespace is managed: whatever ends, it stays closed.
What is allowed beside it goes when it is no longer asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import structlog

from agents.allowances import Allowance, Found
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
from agents.managed_namespaces import ManagedNamespaces, covers
from streams.policy.canonical import spec_equal
from streams.policy.dialects.standing import NAME, STANDING, closing, kind_of, render

# A namespace that is still to come is looked for this often, and what is allowed for a change.
LOOK_SECONDS = 1.0
# Under this name stands what keeps us from letting go of namespaces.
LEFT = "namespaces that left"
READ_SECONDS = 10.0

Json = dict[str, Any]

log = structlog.get_logger()


class NamespaceCloser:
    """
    The standing policies of each namespace: created, followed, put back when somebody edits them.

    ``allowances`` are what every pod may do all the same.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        instance: str,
        managed: ManagedNamespaces,
        shadow: Iterable[str] = (),
        allowances: Iterable[Allowance] = (),
        keep_left: bool = False,
    ) -> None:
        self._cluster = cluster
        self._instance = instance
        self._managed = managed
        self._shadow = frozenset(shadow)
        self._keep_left = keep_left
        self._allowances = {each.kind: each for each in allowances}
        self._namespaces: frozenset[str] = frozenset()
        # What is to stand in each namespace, by name, as far as it is known.
        self._wanted: dict[str, dict[str, Json]] = {}
        self._found: dict[str, Found] = {}
        self._changed: dict[str, asyncio.Event] = {}
        # Namespace → why it is not closed.
        self._open: dict[str, str] = {}
        self._broken = dict.fromkeys(self._allowances, "not read yet")
        self._manage(managed.now)

    @property
    def last_error(self) -> str:
        """Say which namespaces may be open and why, or what keeps us from seeing it."""
        return "; ".join(f"{name}: {why}" for name, why in {**self._open, **self._broken}.items())

    @property
    def status(self) -> dict[str, Any]:
        """Say how many namespaces are closed, what is allowed in them, and what cannot be."""
        return {
            "closed": len(self._namespaces) - len(self._open),
            "allowed": {kind: len(found.specs) for kind, found in sorted(self._found.items())},
            "not_allowed": [
                why for _, found in sorted(self._found.items()) for why in found.untold
            ],
            "error": self.last_error,
        }

    async def run(self) -> None:
        """Keep all managed namespaces closed until cancelled."""
        while True:
            try:
                managed = await self._managed.known()
                self._manage(managed)
                if self._managed.selector and not self._keep_left:
                    await self._let_go(managed)
                self._broken.pop(LEFT, None)
            except ClientError as error:
                self._note(LEFT, error)
                await asyncio.sleep(LOOK_SECONDS)
                continue
            keeping = (self._keep(namespace) for namespace in sorted(self._namespaces))
            reading = (self._follow(each) for each in self._allowances.values())
            await first_to_end(self._managed.changed(managed), *keeping, *reading)

    def _manage(self, managed: frozenset[str]) -> None:
        """Take in which namespaces are to be closed."""
        closed = frozenset(each for each in managed if not covers(self._shadow, each))
        for left in self._namespaces - closed:
            del self._wanted[left], self._changed[left]
            self._open.pop(left, None)
            self._broken.pop(left, None)
        for came in closed - self._namespaces:
            self._wanted[came] = {NAME: closing()}
            self._changed[came] = asyncio.Event()
            self._open[came] = "not closed yet"
        self._namespaces = closed
        # What is allowed is asked anew, of all that are there now.
        self._found.clear()

    async def _let_go(self, managed: frozenset[str]) -> None:
        """Remove what of ours stands where nothing is managed any more."""
        listing = await self._cluster.list_policies_anywhere(f"{STANDING}={self._instance}")
        for found in listing.items:
            about = found["metadata"]
            namespace = about["namespace"]
            if namespace not in managed and not covers(self._shadow, namespace):
                log.info("namespace left", namespace=namespace, policy=about["name"])
                await self._remove(found)

    async def _follow(self, allowance: Allowance) -> None:
        """Ask again and again what is to be allowed."""
        kind = allowance.kind
        while True:
            try:
                found = await allowance.read(self._namespaces)
            except (ClientError, ValueError) as error:
                # What is known stays in force.
                self._note(kind, error)
            else:
                self._broken.pop(kind, None)
                if found != self._found.get(kind):
                    self._take(kind, found)
            again = READ_SECONDS * allowance.patience
            await asyncio.sleep(LOOK_SECONDS if kind in self._broken else again)

    def _take(self, kind: str, found: Found) -> None:
        # Heard for the first time, it also says what of an earlier run is not wanted any more.
        first = kind not in self._found
        self._found[kind] = found
        for why in found.untold:
            log.warning("not allowed", kind=kind, why=why)
        for namespace in self._namespaces:
            specs = {name: spec for (home, name), spec in found.specs.items() if home == namespace}
            others = {
                name: spec
                for name, spec in self._wanted[namespace].items()
                if kind_of(name) != kind
            }
            if first or self._wanted[namespace] != {**others, **specs}:
                self._wanted[namespace] = {**others, **specs}
                self._changed[namespace].set()

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
        wanted = self._wanted[namespace]
        for name in sorted(wanted):
            if name in found:
                await self._mend(found[name])
            else:
                await self._create(namespace, name)
        for name in sorted(found.keys() - wanted.keys()):
            # What was never read is not known to be unwanted.
            if kind_of(name) in self._found or kind_of(name) not in self._allowances:
                await self._remove(found[name])

    async def _create(self, namespace: str, name: str) -> None:
        manifest = render(namespace, self._instance, name, self._wanted[namespace][name])
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
        wanted = self._wanted[about["namespace"]].get(about["name"])
        if wanted is None or spec_equal(found.get("spec") or {}, wanted):
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
            if name not in self._wanted[namespace]:
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
