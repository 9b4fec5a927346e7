"""One watch: what its caller must hear, in order, until it is told to stop."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from deploy.local.kubernetes.errors import ApiError, expired
from deploy.local.kubernetes.kinds import Json, Kind
from deploy.local.kubernetes.listing import VERSION
from deploy.local.kubernetes.selectors import Predicate
from deploy.local.kubernetes.store import ADDED, DELETED, MODIFIED, Change, Compacted, Store

#: A reader this far behind is cut off, as the real server does: it can begin again.
BACKLOG = 10_000


@dataclass(frozen=True)
class WatchRequest:
    """What to watch, from where, for how long."""

    kind: Kind
    namespace: str
    selects: Predicate
    version: str = ""
    seconds: float = 1800.0
    bookmarks: bool = False
    #: Begin with everything there is, then a bookmark that says so.
    initial: bool = False


class Watch:
    """A place in the stream of changes; from its creation on it misses nothing."""

    def __init__(self, store: Store, request: WatchRequest) -> None:
        self._store = store
        self._request = request
        self._queue: asyncio.Queue[Change | None] = asyncio.Queue()
        self._revision = store.revision
        self._first = self._beginning()
        #: Who asks from a version not yet reached hears nothing older.
        self._after = max(self._revision, int(request.version or 0))
        self._begun = int(request.version or 0) or self._revision
        self._behind = False
        self._unlisten = store.listen(self._hear)

    def close(self) -> None:
        """Let the stream end after what it has."""
        self._queue.put_nowait(None)

    def forget(self) -> None:
        """Hear no more."""
        self._unlisten()

    async def events(self, bookmark_seconds: float) -> AsyncGenerator[Json]:
        """Yield the events as they go over the wire."""
        for event in self._first:
            yield event
            if event["type"] == "ERROR":
                return
        now = asyncio.get_running_loop().time
        end = now() + self._request.seconds
        # Not after so much silence: a selective watch of a busy kind needs bookmarks most.
        due = now() + bookmark_seconds
        while now() < end:
            if now() >= due:
                due = now() + bookmark_seconds
                # One that repeats the place the watch began at is not sent, as on the real one.
                if self._request.bookmarks and self._store.revision > self._begun:
                    yield self._bookmark()
            for heard in await self._heard(until=min(end, due)):
                if heard is None:
                    return
                yield heard

    async def _heard(self, until: float) -> list[Json | None]:
        """Return the next event, None at the end, or nothing in time or in sight."""
        try:
            async with asyncio.timeout_at(until):
                change = await self._queue.get()
        except TimeoutError:
            return []
        if change is None:
            return [None]
        self._revision = change.revision
        seen = seen_through(self._request.selects, change)
        return [seen] if seen else []

    def _hear(self, change: Change) -> None:
        if self._behind or not self._concerns(change) or change.revision <= self._after:
            return
        self._behind = self._queue.qsize() >= BACKLOG
        self._queue.put_nowait(None if self._behind else change)

    def _concerns(self, change: Change) -> bool:
        if change.kind is not self._request.kind:
            return False
        namespace = change.object["metadata"].get("namespace")
        return not self._request.namespace or namespace == self._request.namespace

    def _beginning(self) -> list[Json]:
        version = self._request.version
        if version and not VERSION.fullmatch(version):
            raise ApiError(
                500,
                "InternalError",
                f'Internal error occurred: strconv.ParseUint: parsing "{version}": invalid syntax',
            )
        if self._request.initial:
            return [*self._present(), *([self._end_of_list()] if self._request.bookmarks else [])]
        if version in ("", "0"):
            return self._present()
        try:
            missed = [one for one in self._store.since(int(version)) if self._concerns(one)]
        except Compacted as error:
            return [{"type": "ERROR", "object": expired(str(error)).body}]
        seen = (seen_through(self._request.selects, change) for change in missed)
        return [event for event in seen if event]

    def _present(self) -> list[Json]:
        stored = self._store.all(self._request.kind, self._request.namespace)
        return [{"type": ADDED, "object": one} for one in stored if self._request.selects(one)]

    def _end_of_list(self) -> Json:
        done = self._bookmark()
        done["object"]["metadata"]["annotations"] = {"k8s.io/initial-events-end": "true"}
        return done

    def _bookmark(self) -> Json:
        if self._queue.empty():
            self._revision = self._store.revision
        return {
            "type": "BOOKMARK",
            "object": {
                "kind": self._request.kind.name,
                "apiVersion": self._request.kind.api_version,
                "metadata": {"resourceVersion": str(self._revision), "creationTimestamp": None},
            },
        }


def seen_through(selects: Predicate, change: Change) -> Json | None:
    """Return the change as one sees it who looks through a selector."""
    before = change.previous is not None and selects(change.previous)
    after = change.type != DELETED and selects(change.object)
    if not before and not after:
        return None
    if change.type == DELETED:
        return {"type": DELETED, "object": change.object}
    if not after and change.previous:
        # The last state that was in sight, at the moment it went out of it.
        version = {"resourceVersion": str(change.revision)}
        last = change.previous["metadata"] | version
        return {"type": DELETED, "object": change.previous | {"metadata": last}}
    return {"type": MODIFIED if before else ADDED, "object": change.object}
