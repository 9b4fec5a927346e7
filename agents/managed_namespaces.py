"""Follow which namespaces are managed: those that are named, and those that bear certain labels.

reads   the cluster's namespaces
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog

from agents.clients.errors import ClientError, TryLater
from agents.clients.following import follow
from agents.clients.kubernetes import Cluster
from agents.clients.waiting import Backoff

Json = dict[str, Any]
# In place of a namespace: every one.
ALL = "*"
RELIST_SECONDS = 5.0

log = structlog.get_logger()


def covers(namespaces: frozenset[str], namespace: str) -> bool:
    """Tell whether a set of names, of which one may stand for all, has a namespace in it."""
    return ALL in namespaces or namespace in namespaces


class NoneManaged(TryLater):
    """No namespace bears the labels: more likely a mistake than a wish to let go of all."""

    def __init__(self, selector: str) -> None:
        super().__init__(f"no namespace is {selector}: label one, or set no selector")


class ManagedNamespaces:
    """The namespaces whose pods are ours to protect, at this moment."""

    def __init__(
        self,
        names: Iterable[str],
        *,
        cluster: Cluster | None = None,
        selector: str = "",
        never: Iterable[str] = (),
    ) -> None:
        self.last_error = ""
        self.selector = selector
        self._names = frozenset(names)
        self._never = frozenset(never)
        self._cluster = cluster
        self._labelled: frozenset[str] = frozenset()
        self._known = asyncio.Event()
        self._changed = asyncio.Event()
        if not selector:
            self._known.set()

    def __contains__(self, namespace: str) -> bool:
        return namespace in self.now

    @property
    def now(self) -> frozenset[str]:
        """The namespaces; none before they were listed."""
        return (self._names | self._labelled) - self._never

    async def known(self) -> frozenset[str]:
        """Return the namespaces, as soon as they were listed.

        Raise NoneManaged if none bears the labels, also where others are named: whoever took that
        for an answer would let go of all the rest.
        """
        await self._known.wait()
        if self.selector and not self._labelled - self._never:
            raise NoneManaged(self.selector)
        return self.now

    async def changed(self, since: frozenset[str]) -> None:
        """Return once they are no longer these."""
        while self.now == since:
            self._changed.clear()
            await self._changed.wait()

    async def run(self) -> None:
        """Follow the labels until cancelled; without a selector there is nothing to follow."""
        if self._cluster is None or not self.selector:
            await asyncio.Event().wait()
            return
        backoff = Backoff()
        while True:
            try:
                listing = await self._cluster.list_namespaces(self.selector)
                self._take(frozenset(map(_name, listing.items)))
                backoff.reset()
                watch = self._cluster.watch_namespaces(self.selector, listing.version)
                await follow(watch, self._hear, self._note)
            except ClientError as error:
                # What is known stays: nobody is let go of because nobody answers.
                self._note(error)
                asked = error.retry_after if isinstance(error, TryLater) else None
                again = RELIST_SECONDS * self._known.is_set()
                await asyncio.sleep(max(again, backoff.next(asked)))

    async def _hear(self, change: str, found: Json) -> None:
        # To a watch with labels, whoever loses them is deleted.
        name = {_name(found)}
        self._take(self._labelled - name if change == "DELETED" else self._labelled | name)

    def _take(self, labelled: frozenset[str]) -> None:
        before = self.now
        self._labelled = labelled
        first = not self._known.is_set()
        self._known.set()
        self._note(None)
        if first or self.now != before:
            came, left = sorted(self.now - before), sorted(before - self.now)
            log.info("namespaces managed", came=came, left=left)
            self._changed.set()

    def _note(self, error: ClientError | None) -> None:
        self.last_error = str(error) if error else ""
        if error:
            log.warning("namespaces not followed", error=self.last_error)


def _name(namespace: Json) -> str:
    return str(namespace["metadata"]["name"])
