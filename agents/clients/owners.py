"""Which workload a pod is of: its topmost controlling owner, whatever kind that is."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from agents.clients import paths
from agents.clients.asked_once import AskedOnce
from agents.clients.errors import NotThere, Refused, TryLater
from agents.clients.kubernetes import Cluster
from agents.clients.pod_events import folded
from streams.records.views import Workload

DEPTH = 8
AT_ONCE = 16
# With a wait before each that doubles, half a minute.
TRIES = 6
# A listing with more of them would ask for some twice.
KEPT = 50_000
KEPT_SECONDS = 600.0
_KEPT_VERSIONS = 100
_MOST_UNREAD = 16
_LONGEST = 253
_MOST_LABELS = 128
# They select the pods of one object: its successor of the same name selects others.
_OF_ONE_OBJECT = {"controller-uid", "batch.kubernetes.io/controller-uid"}

Json = dict[str, Any]


class Reference(NamedTuple):
    """What an object says of its controller."""

    api_version: str
    kind: str
    name: str
    uid: str


class Owner(NamedTuple):
    """What an owner says: who controls it in turn, and by which labels it finds its pods."""

    controller: Reference | None
    selector: dict[str, str] | None


class Resource(NamedTuple):
    """Where objects of a kind are."""

    plural: str
    namespaced: bool


class Owners:
    """
    Reads owners upwards from pods, each once; trouble that may pass is raised, not guessed around.

    A workload is a kind and a name: who has them now says what it selects, also of the pods that
    its predecessor left. What one said is kept by its uid, so it never counts for its successor's.
    What could not be read is asked again with each listing, and everything with one ten minutes
    later: an owner may be orphaned or adopted, and a kind of others may change its selector.
    Trouble with one owner that stays through several listings holds the others up no longer.
    """

    def __init__(
        self, cluster: Cluster, kept: int = KEPT, kept_seconds: float = KEPT_SECONDS
    ) -> None:
        self._cluster = cluster
        self._kept_seconds = kept_seconds
        self._old_at = 0.0
        self._owners: AskedOnce[tuple[str, Reference], Owner | None] = AskedOnce(kept)
        self._kinds: AskedOnce[str, dict[str, Resource]] = AskedOnce(_KEPT_VERSIONS)
        self._unread: dict[str, str] = {}
        self._tried: Counter[tuple[str, Reference]] = Counter()

    @property
    def unread(self) -> list[str]:
        """Say what we may not or cannot read: there the way up ends."""
        return sorted(self._unread.values())

    async def begin(self, pods: Iterable[Json]) -> None:
        """Read the owners of a whole listing, some at once."""
        old = time.monotonic() >= self._old_at
        if old:
            self._old_at = time.monotonic() + self._kept_seconds
            self._tried.clear()
        self._owners.forget(lambda owner: old or owner is None)
        self._kinds.forget(lambda _: True)
        self._unread.clear()
        found = ((each["metadata"].get("namespace"), _maker(each)) for each in pods)
        owned = list(dict.fromkeys((where, each) for where, each in found if where and each))
        for first in range(0, len(owned), AT_ONCE):
            await asyncio.gather(*(self._top(*each) for each in owned[first : first + AT_ONCE]))

    async def workload(self, pod: Json) -> Workload:
        """Return the workload of a pod, which is its own if nothing controls it."""
        meta = pod["metadata"]
        labels = meta.get("labels") or {}
        first = _maker(pod)
        if first is None:
            named = {"app": meta["name"]}
            worn = named.items() <= labels.items()
            return Workload(kind="Pod", name=meta["name"], selector=named if worn else None)
        top, owner = await self._top(meta["namespace"], first)
        known = folded(top.kind, top.name, labels)
        if owner is None and known.kind != top.kind:
            above = Reference(top.api_version, known.kind, known.name, "")
            top, owner = await self._top(meta["namespace"], above)
        return Workload(kind=top.kind, name=top.name, selector=owner and owner.selector)

    async def _top(self, namespace: str, first: Reference) -> tuple[Reference, Owner | None]:
        """Return the last owner on the way up, and what it says, if it can be read."""
        top, owner = first, await self._owner(namespace, first)
        seen = {top.uid}
        while owner and owner.controller and owner.controller.uid not in seen:
            if len(seen) == DEPTH:
                break
            top, owner = owner.controller, await self._owner(namespace, owner.controller)
            seen.add(top.uid)
        return top, owner

    async def _owner(self, namespace: str, reference: Reference) -> Owner | None:
        async def ask() -> Owner | None:
            return await self._read(namespace, reference)

        return await self._owners.get((namespace, reference), ask)

    async def _read(self, namespace: str, reference: Reference) -> Owner | None:
        try:
            kinds = await self._served(reference.api_version)
            resource = kinds.get(reference.kind)
            if resource is None:
                return None
            root = paths.group(reference.api_version)
            where = namespace if resource.namespaced else ""
            path = paths.path(root, where, resource.plural, reference.name)
            found = await self._cluster.get_object(path)
        except NotThere:
            return None
        except (Refused, TryLater) as error:
            self._tried[namespace, reference] += 1
            if isinstance(error, TryLater) and self._tried[namespace, reference] < TRIES:
                raise
            if len(self._unread) < _MOST_UNREAD:
                self._unread.setdefault(f"{reference.api_version} {reference.kind}", str(error))
            return None
        self._tried.pop((namespace, reference), None)
        return owner_of(found)

    async def _served(self, api_version: str) -> dict[str, Resource]:
        async def ask() -> dict[str, Resource]:
            try:
                listed = await self._cluster.resources(api_version)
            except NotThere:
                return {}
            return {
                each["kind"]: Resource(each["name"], each["namespaced"])
                for each in listed
                if "/" not in each["name"]
            }

        return await self._kinds.get(api_version, ask)


def _maker(pod: Json) -> Reference | None:
    first = controller(pod)
    # A node does not make its static pods; it only runs them.
    return None if first and (first.api_version, first.kind) == ("v1", "Node") else first


def owner_of(found: Json) -> Owner:
    """Return what an object says as an owner, whatever kind it is of."""
    return Owner(controller(found), _selector(found))


def controller(found: Json) -> Reference | None:
    """Return what controls an object, if something can."""
    told = found["metadata"].get("ownerReferences")
    for each in told if isinstance(told, list) else ():
        if isinstance(each, dict) and each.get("controller") is True:
            said = [each.get(key) for key in ("apiVersion", "kind", "name", "uid")]
            words = [word for word in said if _is_word(word) and word]
            return Reference(*words) if len(words) == len(said) else None
    return None


def _selector(found: Json) -> dict[str, str] | None:
    """Return the labels by which it finds its pods, if it says labels and nothing else."""
    spec = found.get("spec")
    told = spec.get("selector") if isinstance(spec, dict) else None
    if not isinstance(told, dict) or told.get("matchExpressions"):
        return None
    labels = told.get("matchLabels")
    if not isinstance(labels, dict) or not 0 < len(labels) <= _MOST_LABELS:
        return None
    if _OF_ONE_OBJECT & labels.keys() or not all(map(_is_word, (*labels, *labels.values()))):
        return None
    return labels


def _is_word(told: Any) -> bool:
    return isinstance(told, str) and told.isascii() and len(told) <= _LONGEST
