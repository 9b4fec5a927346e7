"""Every object and its recent past, under one resourceVersion counter."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy.local.kubernetes.kinds import KINDS, Json, Kind

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"
Key = tuple[str, str]


class Compacted(Exception):
    """The history asked for is forgotten."""


@dataclass(frozen=True)
class Change:
    """What one write did to one object."""

    revision: int
    type: str
    kind: Kind
    object: Json
    previous: Json | None


class Store:
    """Objects in memory; whoever gets one must not change it."""

    def __init__(self, history: int = 10_000) -> None:
        self.revision = 1
        self.compacted = 0
        self._objects: dict[Kind, dict[Key, Json]] = {kind: {} for kind in KINDS}
        self._history: deque[Change] = deque()
        self._limit = history
        self._listeners: list[Callable[[Change], None]] = []

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """Return one object."""
        return self._objects[kind].get((namespace, name))

    def all(self, kind: Kind, namespace: str = "") -> list[Json]:
        """Return the objects of a namespace, or of all, in key order."""
        kept = self._objects[kind]
        return [kept[key] for key in sorted(kept) if not namespace or key[0] == namespace]

    def put(self, kind: Kind, stored: Json) -> Json:
        """Store an object under a new resourceVersion and tell every listener."""
        key = _key(stored)
        previous = self._objects[kind].get(key)
        current = self._stamped(stored)
        self._objects[kind][key] = current
        self._record(MODIFIED if previous else ADDED, kind, current, previous)
        return current

    def remove(self, kind: Kind, stored: Json) -> Json:
        """Forget an object; its last state carries the resourceVersion of the removal."""
        previous = self._objects[kind].pop(_key(stored))
        last = self._stamped(previous)
        self._record(DELETED, kind, last, previous)
        return last

    def since(self, revision: int) -> Iterator[Change]:
        """Return the changes after a revision, oldest first."""
        if revision < self.compacted:
            raise Compacted(f"too old resource version: {revision} ({self.compacted})")
        return (change for change in list(self._history) if change.revision > revision)

    def compact(self) -> None:
        """Forget all history, as a restart or five minutes of etcd would."""
        self._history.clear()
        self.compacted = self.revision

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call the listener at each change; return how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def restore(self, revision: int, kind: Kind, objects: list[Json]) -> None:
        """Take over saved objects as they were; nothing older can be watched."""
        self._objects[kind] = {_key(stored): stored for stored in objects}
        self.revision = max(self.revision, revision)
        self.compact()

    def _stamped(self, stored: Json) -> Json:
        self.revision += 1
        return stored | {"metadata": stored["metadata"] | {"resourceVersion": str(self.revision)}}

    def _record(self, type_: str, kind: Kind, current: Json, previous: Json | None) -> None:
        change = Change(self.revision, type_, kind, current, previous)
        self._history.append(change)
        while len(self._history) > self._limit:
            self.compacted = self._history.popleft().revision
        for listener in list(self._listeners):
            listener(change)


def _key(stored: Json) -> Key:
    metadata = stored["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
