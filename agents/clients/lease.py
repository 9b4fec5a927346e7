"""Leadership by a Lease: at most one holder acts, and every later one has a larger number."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from agents.clients.api_server import Json
from agents.clients.errors import AlreadyThere, ClientError, Conflict, NotThere, TryLater
from agents.clients.kubernetes import Cluster
from agents.clients.waiting import MOST_SECONDS, Backoff, first_to_end

# A lease that somebody deleted must not begin again with small numbers. Counted from here, the
# seconds fit the 32 bits of leaseTransitions until 2091.
_BASE = 1_700_000_000
_LONGEST_LEASE = 3600.0
# The leader stops this much of the lease before another may begin.
_MARGIN = 0.2

Clock = Callable[[], float]
Work = Callable[[int], Awaitable[None]]


class Leadership:
    """
    One candidate for a lease.

    The clocks of others are not believed: a lease has expired when its record
    did not change for its duration as measured here.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        name: str,
        holder: str,
        seconds: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._holder = holder
        self._seconds = seconds
        self._clock = clock
        self._until = -math.inf
        self._lease: Json = {}
        self._seen: tuple[str, float] = ("", 0.0)
        self.trouble = ""

    @property
    def leading(self) -> bool:
        """Tell whether the lease is ours at this moment, even if we just woke from a long sleep."""
        return self._clock() < self._until

    async def lead(self, work: Work) -> None:
        """Wait for the lease, work while it is ours, and return when it is lost.

        The work gets the number of this acquisition. It is cancelled, and has ended, before
        anybody else may begin.
        """
        await self._acquire()
        self.trouble = ""
        try:
            number: int = self._lease["spec"]["leaseTransitions"]
            await first_to_end(self._renew_until_lost(), _as_coroutine(work, number))
        finally:
            await self._release()

    async def _acquire(self) -> None:
        backoff = Backoff(self._seconds / 5, max(self._seconds, MOST_SECONDS))
        while True:
            asked = None
            try:
                if await self._try():
                    return
                self.trouble = ""
                backoff.reset()
            except ClientError as error:
                self.trouble = f"{type(error).__name__}: {error}"
                asked = error.retry_after if isinstance(error, TryLater) else None
            await asyncio.sleep(backoff.next(asked))

    async def _try(self) -> bool:
        began = self._clock()
        try:
            return await self._take(await self._look())
        except (AlreadyThere, Conflict, NotThere):
            # Another candidate was faster.
            return False
        finally:
            if self._lease:
                self._until = began + self._seconds * (1 - _MARGIN)

    async def _look(self) -> Json | None:
        try:
            return await self._cluster.get_lease(self._namespace, self._name)
        except NotThere:
            return None

    async def _take(self, found: Json | None) -> bool:
        if found is None:
            number = int(time.time()) - _BASE
            spec = self._spec(number) | {"acquireTime": _now()}
            self._lease = await self._cluster.create_lease(self._namespace, self._name, spec)
            return True
        if not self._free(found):
            return False
        old = found.get("spec") or {}
        number = int(old.get("leaseTransitions") or 0) + 1
        spec = self._spec(number) | {"acquireTime": _now()}
        self._lease = await self._cluster.update_lease({**found, "spec": {**old, **spec}})
        return True

    def _free(self, found: Json) -> bool:
        spec, version = found.get("spec") or {}, found["metadata"]["resourceVersion"]
        if not spec.get("holderIdentity"):
            return True
        if version != self._seen[0]:
            self._seen = (version, self._clock())
        told = spec.get("leaseDurationSeconds")
        theirs = float(told) if isinstance(told, int) else 0.0
        lasts = max(self._seconds, min(theirs, _LONGEST_LEASE))
        return self._clock() - self._seen[1] >= lasts

    async def _renew_until_lost(self) -> None:
        wait = self._seconds / 3
        while self.leading:
            await asyncio.sleep(min(wait, max(0.0, self._until - self._clock())))
            wait = self._seconds / 15
            began = self._clock()
            with suppress(TryLater, TimeoutError):
                async with asyncio.timeout(max(0.0, self._until - began)):
                    if not await self._renew():
                        return
                self._until = began + self._seconds * (1 - _MARGIN)
                wait = self._seconds / 3

    async def _renew(self) -> bool:
        try:
            await self._write(self._holder)
        except Conflict:
            # Perhaps with ourselves: a write whose answer was lost.
            return await self._adopt()
        except NotThere:
            return False
        return True

    async def _adopt(self) -> bool:
        found = await self._look()
        ours = self._lease["spec"]
        spec = (found or {}).get("spec") or {}
        same = ("holderIdentity", "leaseTransitions")
        if found is None or any(spec.get(name) != ours[name] for name in same):
            return False
        self._lease = found
        await self._write(self._holder)
        return True

    async def _release(self) -> None:
        held, self._until = self.leading, -math.inf
        if held:
            with suppress(ClientError, TimeoutError):
                async with asyncio.timeout(min(2.0, self._seconds / 5)):
                    await self._write("")
        self._lease = {}

    async def _write(self, holder: str) -> None:
        spec = self._lease["spec"] | {"holderIdentity": holder, "renewTime": _now()}
        self._lease = await self._cluster.update_lease({**self._lease, "spec": spec})

    def _spec(self, number: int) -> Json:
        return {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": math.ceil(self._seconds),
            "leaseTransitions": number,
            "renewTime": _now(),
        }


async def _as_coroutine(work: Work, number: int) -> None:
    await work(number)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
