"""Make the cluster hold the policies that are wanted.

reads   [wanted], the cluster's policies
writes  the cluster, patch-outcomes

Level-triggered: start, rebalance, drift and retries are the same thing, a look at what is wanted
and at what is stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from agents.clients.errors import Refused, TryLater
from agents.clients.kubernetes import Cluster
from agents.clients.waiting import Backoff, first_to_end
from agents.due_policies import DuePolicies, Taken
from agents.managed_namespaces import ManagedNamespaces
from agents.outcome_teller import Announce, OutcomeTeller
from agents.outlet import Emit
from agents.ownership import partition_of
from agents.policy_writer import Order, PolicyWriter
from agents.stored_policies import StoredPolicies
from agents.tracing import following
from streams.flow.fence import POD_UID, revision_of
from streams.flow.output import PATCH_OUTCOMES, Send
from streams.policy.narrowing import narrows
from streams.records.marks import Mark, MarkKind
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch

RESYNC_SECONDS = 300.0
TICK_SECONDS = 0.5

Json = dict[str, Any]
Wanted = Callable[[int], Mapping[str, PolicyPatch]]
Owns = Callable[[], frozenset[int]]

log = structlog.get_logger()


class NotOurs(Exception):
    """The partition of a policy belongs to another worker by now."""


class ApplyQueue:
    """
    A bounded number of hands beside the agent, so that no slow call holds up a partition.

    Latest per policy, revocations first; nothing is written before our own
    policies were listed, nor for a partition that is not owned at that moment.
    """

    def __init__(
        self,
        cluster: Cluster,
        emit: Emit,
        *,
        instance: str,
        cluster_name: str,
        managed: ManagedNamespaces,
        partitions: int,
        graphs: Iterable[str],
        concurrency: int,
        wanted: Wanted,
        owned: Owns,
        epoch: int = 0,
        shadow: Iterable[str] = (),
        keep_left: bool = False,
        announce: Announce | None = None,
        resync_seconds: float = RESYNC_SECONDS,
    ) -> None:
        self._emit = emit
        self._name = cluster_name
        self._managed = managed
        self._partitions = partitions
        self._graphs = frozenset(graphs)
        self._concurrency = concurrency
        self._wanted = wanted
        self._owned = owned
        self._epoch = epoch
        self._resync_seconds = resync_seconds
        self._due = DuePolicies()
        self._stored = StoredPolicies(
            cluster,
            instance=instance,
            cluster_name=cluster_name,
            managed=managed,
            on_change=self._changed,
            on_listed=self._listed,
        )
        self._writer = PolicyWriter(
            cluster,
            self._stored,
            instance=instance,
            cluster_name=cluster_name,
            managed=managed,
            epoch=epoch,
            shadow=frozenset(shadow),
            keep_left=keep_left,
        )
        self._loaded: frozenset[int] = frozenset()
        self._synced: dict[int, set[str]] = {}
        self._orphans: dict[str, PolicyPatch] = {}
        self._outcomes = OutcomeTeller(emit, announce)
        # What was refused, of which version: to ask again would be pointless until one changes.
        self._refused: dict[str, object] = {}
        self._backoffs: dict[str, Backoff] = {}
        self._paused_until = 0.0
        self._work_to_do = asyncio.Event()
        self._tending = asyncio.Event()

    @property
    def pending(self) -> int:
        """Return how many policies are not settled, or not yet said to be."""
        return len(self._due) + self._outcomes.waiting

    @property
    def last_error(self) -> str:
        """Say why our own policies cannot be followed, if they cannot."""
        return self._stored.last_error

    def may_hold(self, key: str) -> bool:
        """Tell whether the cluster holds a policy under this key, or may for all we know."""
        return not self._stored.listed.is_set() or self._stored.get(key) is not None

    def put(self, partition: int, key: str) -> None:
        """Have the cluster hold what is wanted under this key by now."""
        self._due.put(partition, key, self._is_urgent(partition, key))
        self._work_to_do.set()

    def mark(self, partition: int, mark: Mark) -> None:
        """Take note of a mark that arrived after everything put before it."""
        self._load(partition)
        # Read once more from the beginning, an older one comes before what was wanted since.
        if mark.kind is MarkKind.SYNCED and mark.epoch >= self._epoch:
            self._synced.setdefault(partition, set()).add(mark.graph)
            self._sweep(partition)
        elif mark.kind is MarkKind.BARRIER:
            self._due.bar(partition, mark)
            self._tending.set()

    def reassigned(self) -> None:
        """Look at every policy of the partitions owned now, or as soon as some are."""
        self._loaded = frozenset()
        self._tending.set()

    async def run(self) -> None:
        """Work until cancelled."""
        hands = (self._work() for _ in range(self._concurrency))
        beside = self._stored.run(), self._outcomes.run(), self._tend(), self._look_anew()
        await first_to_end(*beside, *hands)

    async def _look_anew(self) -> None:
        """Look at every policy again whenever other namespaces are managed."""
        while True:
            await self._managed.changed(self._managed.now)
            self._refused.clear()
            self.reassigned()

    async def _tend(self) -> None:
        resync = time.monotonic() + self._resync_seconds
        while True:
            self._tending.clear()
            await self._take_over()
            await self._let_barriers_pass()
            if time.monotonic() >= resync:
                resync = time.monotonic() + self._resync_seconds
                self._refused.clear()
                self.reassigned()
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._tending.wait()

    async def _take_over(self) -> None:
        """Look at every policy of the partitions that came to us."""
        owned = self._owned()
        self._loaded &= owned
        self._synced = {each: said for each, said in self._synced.items() if each in owned}
        for partition in sorted(owned):
            self._load(partition)
            # Thousands of rows hold up the loop: not all at once.
            await asyncio.sleep(0)

    def _load(self, partition: int) -> None:
        if partition in self._loaded or partition not in self._owned():
            return
        for key in list(self._wanted(partition)):
            self.put(partition, key)
        self._loaded |= {partition}

    async def _let_barriers_pass(self) -> None:
        for partition, mark in self._due.reached():
            if partition not in self._owned():
                continue
            here = mark.model_copy(update={"partition": partition, "cluster": self._name})
            passed = PatchOutcome(mark=here, at=time.time())
            try:
                await self._outcomes.deliver()
                await self._emit(Send(PATCH_OUTCOMES, f"mark-{partition}", passed, partition))
            except Exception:
                log.exception("barrier not passed on", partition=partition)
                return
            self._due.passed(partition, mark)

    def _listed(self) -> None:
        self._due.sort(self._is_urgent)
        for partition in list(self._synced):
            self._sweep(partition)

    def _changed(self, key: str) -> None:
        """Look at a policy that somebody changed, or that we did."""
        partition = partition_of(key, self._partitions)
        if partition in self._owned() and self._patch(partition, key) is not None:
            self.put(partition, key)

    def _sweep(self, partition: int) -> None:
        """Have the policies removed that nobody wanted although everybody has spoken."""
        spoken = self._synced.get(partition, set()) >= self._graphs
        if not (spoken and self._stored.listed.is_set() and partition in self._owned()):
            return
        rows = self._wanted(partition)
        for key in self._stored:
            if partition_of(key, self._partitions) == partition and key not in rows:
                self._orphans[key] = _removal(key, self._stored.get(key))
                self.put(partition, key)

    def _is_urgent(self, partition: int, key: str) -> bool:
        """Tell whether what is wanted closes something: such a change comes first."""
        if not self._stored.listed.is_set():
            return False
        patch, stored = self._patch(partition, key), self._stored.get(key)
        if patch is None or patch.manifest is None:
            return False
        if stored is None:
            # A pod that no policy selects is open to everybody.
            return True
        if revision_of(stored) == patch.revision:
            return False
        return narrows(stored.get("spec") or {}, patch.manifest)

    def _patch(self, partition: int, key: str) -> PolicyPatch | None:
        return self._wanted(partition).get(key) or self._orphans.get(key)

    async def _work(self) -> None:
        while True:
            taken = await self._next()
            try:
                with following(taken.leads, "apply policy", policy=taken.key):
                    await self._settle(taken)
            except NotOurs:
                # Whoever owns it looks at it; so shall we, should it come back.
                self._loaded -= {taken.partition}
                self._orphans.pop(taken.key, None)
                self._due.dropped(taken.key)
                self._work_to_do.set()
            except TryLater as later:
                self._postpone(taken.key, later.retry_after, str(later))
            except Exception as error:
                log.exception("policy not settled", key=taken.key)
                self._postpone(taken.key, None, type(error).__name__)
            else:
                waited = self._backoffs.pop(taken.key, None) is not None
                self._due.settled(taken.key)
                if waited:
                    # What others waited for may be over as well: the urgent come first.
                    self._due.resume_all()
                    self._work_to_do.set()
                self._tending.set()
            finally:
                self._stored.asked(taken.key)

    async def _next(self) -> Taken:
        await self._stored.listed.wait()
        while True:
            # Without this, a thousand policies that need nothing would hold up the loop.
            await asyncio.sleep(max(0.0, self._paused_until - time.monotonic()))
            taken = self._due.take()
            if taken is not None:
                return taken
            self._work_to_do.clear()
            await self._work_to_do.wait()

    def _postpone(self, key: str, asked: float | None, why: str) -> None:
        wait = self._backoffs.setdefault(key, Backoff()).next(asked)
        log.warning("policy must wait", key=key, seconds=round(wait, 1), reason=why)
        if asked is not None:
            # It was not said to this policy alone.
            self._paused_until = max(self._paused_until, time.monotonic() + asked)
        if self._due.postponed(key):
            asyncio.get_running_loop().call_later(wait, self._resume, key)
        self._work_to_do.set()

    def _resume(self, key: str) -> None:
        self._due.resume(key)
        self._work_to_do.set()

    async def _settle(self, taken: Taken) -> None:
        key, partition, _ = taken
        self._check_owned(partition)
        patch = self._patch(partition, key)
        if patch is None or self._refused.get(key) == self._state(key, patch):
            return
        order = Order(
            key,
            lambda: self._patch(partition, key) or patch,
            lambda: self._check_owned(partition),
        )
        try:
            done, step = await self._writer.make_so(order)
        except Refused as refusal:
            self._refused[key] = self._state(key, patch)
            self._outcomes.tell(patch, Outcome.REFUSED, str(refusal))
        else:
            self._refused.pop(key, None)
            self._outcomes.tell(done, step.outcome, step.reason)
        self._orphans.pop(key, None)

    def _state(self, key: str, patch: PolicyPatch) -> tuple[object, ...]:
        stored = self._stored.get(key)
        return (patch.revision, stored and stored["metadata"]["resourceVersion"])

    def _check_owned(self, partition: int) -> None:
        if partition not in self._owned():
            raise NotOurs


def _removal(key: str, stored: Json | None) -> PolicyPatch:
    assert stored is not None
    notes = stored["metadata"].get("annotations") or {}
    return PolicyPatch(key=key, revision=revision_of(stored), pod_uid=notes.get(POD_UID) or "")
