"""Say in Kubernetes, as Events, what became of a policy that somebody should look at.

writes  the cluster's events

Of a pod's policy the pod is told, of an identity's the policy. What is lost on the way, or was not
said before a restart, is no harm: the records on patch-outcomes have it all.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import structlog

from agents.asking.standing import reasons
from agents.clients.errors import ClientError
from agents.clients.kubernetes import Cluster
from agents.managed_namespaces import ManagedNamespaces
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch
from streams.records.reasons import EventReason
from streams.records.views import Errs

# Events are stored like everything else: a cluster full of trouble must not be made slow by them.
SECONDS_EACH = 0.2
MOST_WAITING = 1_000
# Of so many policies; beyond it some things are said twice.
MOST_REMEMBERED = 20_000

_TROUBLES = {
    Outcome.REFUSED: EventReason.POLICY_REFUSED,
    Outcome.FOREIGN: EventReason.POLICY_FOREIGN,
    Outcome.UNPROTECTED: EventReason.POD_UNPROTECTED,
}
_STORED = (Outcome.APPLIED, Outcome.UNCHANGED)

log = structlog.get_logger()


class Said(NamedTuple):
    """What an Event says."""

    reason: EventReason
    message: str
    warning: bool


class Announcer:
    """Says what is news, the newest of each policy, so many a second at most; waits for nobody."""

    def __init__(
        self, cluster: Cluster, name: str, managed: ManagedNamespaces, *, of_pods: bool
    ) -> None:
        self._cluster = cluster
        self._name = name
        self._managed = managed
        self._of_pods = of_pods
        self._said: dict[str, Said] = {}
        self._waiting: dict[str, tuple[str, dict[str, Any], Said]] = {}
        self._news = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Return how many are still to be said."""
        return len(self._waiting)

    def tell(self, patch: PolicyPatch, outcome: PatchOutcome) -> None:
        """Have an outcome announced, if it is one that people should look at, or the end of one."""
        said, key = what_to_say(patch, outcome), patch.key
        if not self._is_ours(key):
            return
        before = self._said.pop(key, None)
        if said is None and before is not None and outcome.outcome in _STORED:
            said = Said(EventReason.POLICY_IN_FORCE, "it is stored as the rules want it", False)
        elif said is not None:
            self._said[key] = said
            while len(self._said) > MOST_REMEMBERED:
                del self._said[next(iter(self._said))]
        if said is None or said == before:
            return
        self._waiting.pop(key, None)
        if len(self._waiting) < MOST_WAITING:
            self._waiting[key] = (*self._about(patch), said)
            self._news.set()

    def _is_ours(self, key: str) -> bool:
        """Tell whether Events may be written there: no right of ours reaches any further."""
        cluster, _, where = key.partition("/")
        namespace, _, name = where.partition("/")
        # What is no policy's key, and was refused for it, means nobody in Kubernetes.
        known = bool(name) and "/" not in name
        return known and cluster == self._name and namespace in self._managed

    def _about(self, patch: PolicyPatch) -> tuple[str, dict[str, Any]]:
        _, namespace, name = patch.key.split("/")
        meta = {"namespace": namespace, "name": name}
        if self._of_pods and patch.pod_uid:
            return "Pod", {"metadata": meta | {"uid": patch.pod_uid}}
        return "NetworkPolicy", {"metadata": meta}

    async def run(self) -> None:
        """Write Events until cancelled."""
        while True:
            await self._news.wait()
            if not self._waiting:
                self._news.clear()
                continue
            key = next(iter(self._waiting))
            kind, about, said = self._waiting.pop(key)
            try:
                await self._cluster.create_event(kind, about, *said)
            except ClientError as error:
                log.warning("event not written", key=key, reason=said.reason, error=str(error))
            await asyncio.sleep(SECONDS_EACH)


def what_to_say(patch: PolicyPatch, outcome: PatchOutcome) -> Said | None:
    """Return what people should know of an outcome; None: nothing."""
    trouble = _TROUBLES.get(outcome.outcome)
    if trouble is not None:
        reason = f": {outcome.reason}" if outcome.reason else ""
        return Said(trouble, f"{trouble.meaning}{reason}"[:1000], True)
    if outcome.outcome not in _STORED or not patch.inexact:
        return None
    wider = any(each.errs is Errs.WIDER for each in patch.inexact)
    return Said(EventReason.POLICY_INEXACT, f"not as its rules: {', '.join(reasons(patch))}", wider)
