"""Carry out what one wanted policy asks of the cluster, until nothing is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import structlog

from agents.clients.errors import ClientError, Conflict, NotThere, Owned, Refused, TryLater
from agents.clients.kubernetes import FIELD_MANAGER, Cluster
from agents.managed_namespaces import ManagedNamespaces, covers
from agents.stored_policies import StoredPolicies
from streams.failpoint import passing
from streams.flow.fence import Step, Verb, decide, is_ours, revision_of
from streams.policy.dialects.kubernetes import is_identitys
from streams.records.policies import Outcome, PolicyPatch
from streams.records.reasons import EventReason

# How often a policy may change between our look and our write before it has to wait.
LOOKS = 6
# How long what an earlier epoch left may stand, should nothing of this one come in its place.
SUCCESSION_SECONDS = 60.0
_WOULD = {
    Verb.CREATE: "it would be created",
    Verb.UPDATE: "it would be updated",
    Verb.DELETE: "it would be deleted",
}

Json = dict[str, Any]

log = structlog.get_logger()


class Order(NamedTuple):
    """One policy to see to: what is wanted by now, and a check that raises if it is not ours."""

    key: str
    newest: Callable[[], PolicyPatch]
    check_owned: Callable[[], None]


class PolicyWriter:
    """Writes single policies; every write names the very object it was decided on."""

    def __init__(
        self,
        cluster: Cluster,
        stored: StoredPolicies,
        *,
        instance: str,
        cluster_name: str,
        managed: ManagedNamespaces,
        epoch: int = 0,
        shadow: frozenset[str] = frozenset(),
        keep_left: bool = False,
    ) -> None:
        self._cluster = cluster
        self._stored = stored
        self._instance = instance
        self._name = cluster_name
        self._managed = managed
        self._epoch = epoch
        self._keep_left = keep_left
        # Of these it is only said what would be written.
        self._shadow = shadow
        self._foreign: set[str] = set()
        self._left_since: dict[str, float] = {}

    async def make_so(self, order: Order) -> tuple[PolicyPatch, Step]:
        """Return the last step it took, and what it was taken for.

        Raise Refused when the cluster, or we, will not have it; TryLater when it is not known.
        """
        patch, key = order.newest(), order.key
        if self._is_left(key):
            return patch, await self._let_go(order)
        self._check(patch, key)
        # The watch shows our own policies only; a create would be answered no once more.
        stored = await self._read(order) if key in self._foreign else self._stored.get(key)
        for _ in range(LOOKS):
            step = await self._decide(patch, stored, order)
            if step.verb in _WOULD and self._in_shadow(key):
                return patch, Step(Verb.NOTHING, Outcome.SHADOWED, reason=_WOULD[step.verb])
            try:
                await self._carry_out(step, stored, order)
            except (Conflict, NotThere):
                stored = await self._read(order)
                # Meanwhile something else may be wanted as well.
                patch = order.newest()
                continue
            self._note_foreign(key, step)
            return patch, step
        raise TryLater(f"{key} changes under our hands")

    def _in_shadow(self, key: str) -> bool:
        return covers(self._shadow, _parts(key)[1])

    def _is_left(self, key: str) -> bool:
        """Tell whether a policy of ours is where nothing is managed any more."""
        cluster, namespace, _ = _parts(key)
        here = cluster == self._name and namespace not in self._managed
        return here and self._stored.get(key) is not None

    async def _let_go(self, order: Order) -> Step:
        """Remove what is left in a namespace that is not managed any more, or let it stand."""
        key = order.key
        if self._keep_left or self._in_shadow(key):
            return Step(Verb.NOTHING, Outcome.UNCHANGED, reason="kept: its namespace left")
        await self._managed.known()
        for _ in range(LOOKS):
            stored = self._stored.get(key)
            if stored is None or not self._is_left(key):
                break
            meta = stored["metadata"]
            step = Step(Verb.DELETE, Outcome.DELETED, None, meta["uid"], meta["resourceVersion"])
            try:
                await self._carry_out(step, stored, order)
            except (Conflict, NotThere):
                await self._read(order)
        return Step(Verb.NOTHING, Outcome.DELETED, reason="its namespace is not managed any more")

    def _check(self, patch: PolicyPatch, key: str) -> None:
        """Refuse what would write where nobody asked us to."""
        cluster, namespace, name = _parts(key)
        if cluster != self._name or namespace not in self._managed:
            raise Refused(f"{key}: not a namespace we manage")
        if not self._stored.knows(namespace):
            raise TryLater(f"{key}: our policies there are not listed yet")
        if patch.manifest is None:
            return
        meta = patch.manifest["metadata"]
        if (meta["namespace"], meta["name"]) != (namespace, name):
            raise Refused(f"{key}: the manifest is another policy's")
        if not is_ours(patch.manifest, self._instance):
            raise Refused(f"{key}: the manifest does not carry our labels")

    def _note_foreign(self, key: str, step: Step) -> None:
        if step.outcome is Outcome.FOREIGN:
            self._foreign.add(key)
        else:
            self._foreign.discard(key)

    async def _decide(self, patch: PolicyPatch, stored: Json | None, order: Order) -> Step:
        """Decide; ask whether the pod lives only where that makes a difference."""
        alive = decide(patch, stored, True, self._instance)
        if patch.manifest is not None and alive.verb is not Verb.CREATE:
            return alive
        dead = decide(patch, stored, False, self._instance)
        if alive == dead:
            return alive
        order.check_owned()
        if stored is not None and self._is_left_over(patch, order.key):
            return dead if await self._is_succeeded(order.key, stored) else alive
        return alive if await self._lives(order.key, stored) else dead

    def _is_left_over(self, patch: PolicyPatch, key: str) -> bool:
        """Tell whether nobody has spoken of a policy in this epoch."""
        return patch.revision.epoch < self._epoch and not self._in_shadow(key)

    async def _is_succeeded(self, key: str, stored: Json) -> bool:
        """Tell whether every pod that it selects is selected by a policy of this epoch as well.

        Raise TryLater for as long as that may become so: nodes may stand for something else by
        now, and to delete it would open, to close it would cut.
        """
        _, namespace, _ = _parts(key)
        home = key.rpartition("/")[0] + "/"
        others = [self._stored.get(each) or {} for each in self._stored if each.startswith(home)]
        newer = [each for each in others if each and revision_of(each).epoch >= self._epoch]
        selecting = [_selected(each) for each in newer]
        for worn in await self._cluster.labels_of_living(namespace, _selected(stored)):
            if not any(labels.items() <= worn.items() for labels in selecting):
                return self._has_waited(key)
        self._left_since.pop(key, None)
        return True

    def _has_waited(self, key: str) -> bool:
        """Return False after a while; raise TryLater before."""
        since = self._left_since.setdefault(key, time.monotonic())
        if time.monotonic() < since + SUCCESSION_SECONDS:
            raise TryLater(f"{key}: a pod that it selects has no policy of this epoch yet")
        return False

    async def _lives(self, key: str, stored: Json | None) -> bool:
        """Tell whether a policy selects somebody: the pod of its name, or any of an identity."""
        _, namespace, name = _parts(key)
        if stored is not None and is_identitys(stored):
            return await self._cluster.any_lives(namespace, _selected(stored))
        return await self._cluster.pod_lives(namespace, name)

    async def _carry_out(self, step: Step, stored: Json | None, order: Order) -> None:
        if step.verb is Verb.NOTHING:
            return
        key = order.key
        since = self._stored.ask_about(key)
        order.check_owned()
        if step.verb is Verb.DELETE:
            _, namespace, name = _parts(key)
            await self._cluster.delete_policy(namespace, name, step.uid, step.resource_version)
            passing("applied")
            self._stored.answered_gone(key, step.uid)
            return
        assert step.manifest is not None
        if step.verb is Verb.CREATE:
            found = await self._create(step.manifest)
        else:
            found = await self._update(step, stored or {}, order)
        passing("applied")
        self._stored.answered(key, found, since)

    async def _create(self, manifest: Json) -> Json:
        try:
            return await self._cluster.create_policy(manifest)
        except NotThere as nowhere:
            # It is the namespace that is not there.
            raise Refused(str(nowhere)) from nowhere

    async def _update(self, step: Step, stored: Json, order: Order) -> Json:
        assert step.manifest is not None
        read = (step.uid, step.resource_version)
        managers = {each.get("manager") for each in stored["metadata"].get("managedFields") or ()}
        alone = managers <= {FIELD_MANAGER}
        try:
            # To the server, what we created and what we apply are two managers of one name.
            return await self._cluster.apply_policy(step.manifest, *read, force=alone)
        except Owned as owned:
            order.check_owned()
            found = await self._cluster.apply_policy(step.manifest, *read, force=True)
            taken_from = owned.managers - {FIELD_MANAGER}
        if taken_from:
            await self._say_taken(found, ", ".join(sorted(taken_from)))
        return found

    async def _say_taken(self, found: Json, managers: str) -> None:
        log.warning("fields taken back", policy=found["metadata"]["name"], managers=managers)
        message = f"what {managers} had set is as the firewall rules want it again"
        try:
            await self._cluster.create_event(
                "NetworkPolicy", found, EventReason.FIELDS_TAKEN_BACK, message, warning=True
            )
        except ClientError as error:
            log.warning("event not written", error=str(error))

    async def _read(self, order: Order) -> Json | None:
        """Return the policy of this name, whosever it is, as the server has it now."""
        _, namespace, name = _parts(order.key)
        since = self._stored.ask_about(order.key)
        try:
            found = await self._cluster.get_policy(namespace, name)
        except NotThere:
            known = self._stored.get(order.key)
            if known is not None:
                self._stored.answered_gone(order.key, known["metadata"]["uid"])
            return None
        if is_ours(found, self._instance):
            self._stored.answered(order.key, found, since)
        return found


def _selected(policy: Json) -> dict[str, str]:
    return policy["spec"]["podSelector"].get("matchLabels") or {}


def _parts(key: str) -> tuple[str, str, str]:
    parts = key.split("/")
    if len(parts) != 3:
        raise Refused(f"not a policy's key: {key[:80]!r}")
    return parts[0], parts[1], parts[2]
