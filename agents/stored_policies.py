"""The policies of ours that a cluster holds, as its watch tells them and our own writes do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import structlog

from agents.clients.errors import ClientError, TryLater
from agents.clients.following import follow
from agents.clients.kubernetes import Cluster, Listing
from agents.clients.waiting import Backoff, first_to_end
from agents.managed_namespaces import ManagedNamespaces
from streams.flow.fence import INSTANCE, MANAGED_BY

Json = dict[str, Any]
RELIST_SECONDS = 5.0

log = structlog.get_logger()


class StoredPolicies:
    """
    A cache of the policies that carry our labels, by policy key.

    The watch's event of our own write comes before its answer or after it.
    Versions cannot be ordered, only recognized: so both are remembered for as
    long as the other may still come.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        instance: str,
        cluster_name: str,
        managed: ManagedNamespaces,
        on_change: Callable[[str], None],
        on_listed: Callable[[], None],
    ) -> None:
        self.last_error = ""
        self.listed = asyncio.Event()
        self._cluster = cluster
        self._name = cluster_name
        self._selector = f"{MANAGED_BY}=vereflow,{INSTANCE}={instance}"
        self._managed = managed
        self._on_change = on_change
        self._on_listed = on_listed
        self._objects: dict[str, Json] = {}
        self._listings: dict[str, int] = {}
        # What answers told and the watch has not yet: versions, and objects that are no more.
        self._echoes: dict[str, list[str]] = {}
        self._gone: dict[str, str] = {}
        # Versions that the watch told while a policy was being written.
        self._heard: dict[str, list[str]] = {}

    def knows(self, namespace: str) -> bool:
        """Tell whether our policies of a namespace were listed."""
        return namespace in self._listings

    def get(self, key: str) -> Json | None:
        """Return a policy, or None where there is none of ours."""
        return self._objects.get(key)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._objects))

    def ask_about(self, key: str) -> int:
        """Remember what the watch says of a policy until `asked`; return what `answered` needs."""
        self._heard[key] = []
        return self._listings.get(_namespace(key), 0)

    def answered(self, key: str, found: Json, since: int) -> None:
        """Take in an answer, unless the watch has told it, and perhaps more, already."""
        version = found["metadata"]["resourceVersion"]
        stale = since != self._listings.get(_namespace(key), 0) or version in self._heard[key]
        known = self._objects.get(key)
        if stale or (known is not None and known["metadata"]["resourceVersion"] == version):
            return
        self._objects[key] = _slim(found)
        self._echoes.setdefault(key, []).append(version)

    def answered_gone(self, key: str, uid: str) -> None:
        """Take in that a policy is no more."""
        known = self._objects.get(key)
        if known is not None and known["metadata"]["uid"] == uid:
            del self._objects[key]
            self._echoes.pop(key, None)
            self._gone[uid] = key

    def asked(self, key: str) -> None:
        """Forget what was remembered of a policy."""
        self._heard.pop(key, None)

    async def run(self) -> None:
        """Follow our policies in the managed namespaces until cancelled."""
        before: frozenset[str] = frozenset()
        while True:
            try:
                namespaces = await self._managed.known()
                if self._managed.selector and not before:
                    await self._find_left(namespaces)
            except ClientError as error:
                self._note(error)
                await asyncio.sleep(RELIST_SECONDS)
                continue
            self._let_go(before - namespaces)
            before = namespaces
            following = (self._follow(namespace) for namespace in sorted(namespaces))
            await first_to_end(self._managed.changed(namespaces), *following)

    async def _find_left(self, namespaces: frozenset[str]) -> None:
        """Take in what of ours is where nothing is managed any more, since we ran last."""
        listing = await self._cluster.list_policies_anywhere(self._selector)
        for found in listing.items:
            if found["metadata"]["namespace"] not in namespaces:
                self._objects[self._key(found)] = _slim(found)

    def _let_go(self, namespaces: frozenset[str]) -> None:
        """Have a look taken at each policy of namespaces that are not managed any more."""
        for namespace in namespaces:
            self._listings.pop(namespace, None)
        for key in list(self._objects):
            if _namespace(key) not in self._managed:
                self._on_change(key)

    async def _follow(self, namespace: str) -> None:
        backoff = Backoff()
        while True:
            try:
                listing = await self._cluster.list_policies(namespace, self._selector)
                self._take(namespace, listing)
                backoff.reset()
                await self._watch(namespace, listing.version)
            except ClientError as error:
                self._note(error)
                asked = error.retry_after if isinstance(error, TryLater) else None
                await asyncio.sleep(max(RELIST_SECONDS * self.listed.is_set(), backoff.next(asked)))

    async def _watch(self, namespace: str, version: str) -> None:
        watch = self._cluster.watch_policies(namespace, self._selector, version)

        async def hear(change: str, found: Json) -> None:
            self._hear(change, found)

        await follow(watch, hear, self._note)

    def _take(self, namespace: str, listing: Listing) -> None:
        self.last_error = ""
        found = {self._key(item): _slim(item) for item in listing.items}
        known = {key: one for key, one in self._objects.items() if _namespace(key) == namespace}
        changed = [
            key
            for key in {**known, **found}
            if _version(known.get(key)) != _version(found.get(key))
        ]
        for key in known:
            del self._objects[key]
            self._echoes.pop(key, None)
        self._gone = {uid: key for uid, key in self._gone.items() if _namespace(key) != namespace}
        self._objects |= found
        self._listings[namespace] = self._listings.get(namespace, 0) + 1
        if self._listings.keys() >= self._managed.now and not self.listed.is_set():
            self.listed.set()
            self._on_listed()
        for key in changed:
            self._on_change(key)

    def _hear(self, change: str, found: Json) -> None:
        key, meta = self._key(found), found["metadata"]
        if key in self._heard:
            self._heard[key].append(meta["resourceVersion"])
        if self._is_old(change, key, meta):
            return
        known = self._objects.get(key)
        if change != "DELETED":
            if _version(known) == meta["resourceVersion"]:
                return
            self._objects[key] = _slim(found)
        elif known is not None and known["metadata"]["uid"] == meta["uid"]:
            del self._objects[key]
        else:
            return
        self._on_change(key)

    def _is_old(self, change: str, key: str, meta: Json) -> bool:
        """Tell whether an event says what an answer has said, or what was before that."""
        if meta["uid"] in self._gone:
            if change == "DELETED":
                del self._gone[meta["uid"]]
            return True
        echoes = self._echoes.get(key)
        if not echoes:
            return False
        if meta["resourceVersion"] in echoes:
            self._echoes[key] = echoes[echoes.index(meta["resourceVersion"]) + 1 :]
        if not self._echoes[key]:
            del self._echoes[key]
        return True

    def _key(self, found: Json) -> str:
        meta = found["metadata"]
        return f"{self._name}/{meta['namespace']}/{meta['name']}"

    def _note(self, error: ClientError | None) -> None:
        self.last_error = f"{type(error).__name__}: {error}" if error else ""
        if error:
            log.warning("own policies not followed", cluster=self._name, error=self.last_error)


def _namespace(key: str) -> str:
    return key.split("/")[1]


def _version(found: Json | None) -> str:
    return "" if found is None else str(found["metadata"]["resourceVersion"])


def _slim(found: Json) -> Json:
    """Return the policy without what is most of it: which manager owns which field."""
    meta = found["metadata"]
    managers = [{"manager": each.get("manager", "")} for each in meta.get("managedFields") or ()]
    return {**found, "metadata": {**meta, "managedFields": managers}}
