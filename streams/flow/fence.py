"""Decide what one wanted policy asks of the cluster, so that a late writer can do no harm."""

from __future__ import annotations

import copy
from enum import StrEnum
from typing import Any, NamedTuple

from streams.policy.canonical import spec_equal
from streams.policy.dialects.kubernetes import IDENTITY, is_identitys
from streams.policy.labels import SAYING
from streams.records.policies import Outcome, PolicyPatch, Revision, parse_revision

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "vereflow.io/instance"
REVISION = "vereflow.io/revision"
POD_UID = "vereflow.io/pod-uid"
_OWNED_NOTES = (POD_UID, IDENTITY, "vereflow.io/graph", "vereflow.io/rules-digest")


class Verb(StrEnum):
    """How the cluster is asked."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    NOTHING = "NOTHING"


class Step(NamedTuple):
    """One request, or none with the outcome that stands already.

    An update names the uid and the resourceVersion it read, so that it can neither create again
    what was deleted nor overwrite what it has not seen.
    """

    verb: Verb
    outcome: Outcome
    manifest: dict[str, Any] | None = None
    uid: str = ""
    resource_version: str = ""
    reason: str = ""


def is_ours(stored: dict[str, Any], instance: str) -> bool:
    """Tell whether a stored policy carries our label and our installation's."""
    labels = stored["metadata"].get("labels") or {}
    return labels.get(MANAGED_BY) == "vereflow" and labels.get(INSTANCE) == instance


def revision_of(stored: dict[str, Any]) -> Revision:
    """Return the revision a stored policy was written with."""
    return parse_revision((stored["metadata"].get("annotations") or {}).get(REVISION, ""))


def decide(
    wanted: PolicyPatch, stored: dict[str, Any] | None, pod_lives: bool, instance: str
) -> Step:
    """Return the one step from what is stored to what is wanted.

    Of an identity's policy ``pod_lives`` says whether some pod is selected by it.
    """
    if stored is None or not is_ours(stored, instance):
        return _without_ours(wanted, stored is not None, pod_lives)
    if revision_of(stored).order > wanted.revision.order:
        return Step(Verb.NOTHING, Outcome.SUPERSEDED)
    if wanted.manifest is None:
        step = _removal(wanted, stored, pod_lives)
        if not wanted.unprotected:
            return step
        # What an earlier pod of that name left here need not go before this one does.
        return step._replace(outcome=Outcome.UNPROTECTED, reason=wanted.unprotected)
    if revision_of(stored) == wanted.revision and same_content(stored, wanted.manifest):
        return Step(Verb.NOTHING, Outcome.UNCHANGED)
    return _update(wanted.manifest, stored)


def _without_ours(wanted: PolicyPatch, foreign: bool, pod_lives: bool) -> Step:
    if wanted.unprotected:
        return Step(Verb.NOTHING, Outcome.UNPROTECTED, reason=wanted.unprotected)
    if wanted.manifest is None:
        return Step(Verb.NOTHING, Outcome.DELETED)
    if foreign:
        return Step(Verb.NOTHING, Outcome.FOREIGN, reason="a policy of that name is not ours")
    if not pod_lives and not is_identitys(wanted.manifest):
        # What is read again from the beginning asks for the policies of the dead as well.
        return Step(Verb.NOTHING, Outcome.DELETED, reason="no pod of that name lives")
    return Step(Verb.CREATE, Outcome.APPLIED, wanted.manifest)


def same_content(stored: dict[str, Any], manifest: dict[str, Any]) -> bool:
    """Tell whether a stored policy means what the manifest says and bears its marks."""
    have, want = stored["metadata"], manifest["metadata"]
    labels = have.get("labels") or {}
    notes, wanted = have.get("annotations") or {}, want.get("annotations") or {}
    # Written before there were such labels: they come with its next write, and cost none.
    before = not any(label in labels for label in SAYING)
    marked = all(
        labels.get(key) == value
        for key, value in want["labels"].items()
        if not (before and key in SAYING)
    )
    noted = all(notes.get(key) == wanted.get(key) for key in _OWNED_NOTES)
    return marked and noted and spec_equal(stored.get("spec") or {}, manifest["spec"])


def _update(manifest: dict[str, Any], stored: dict[str, Any]) -> Step:
    uid, version = stored["metadata"]["uid"], stored["metadata"]["resourceVersion"]
    return Step(Verb.UPDATE, Outcome.APPLIED, manifest, uid, version)


def _removal(wanted: PolicyPatch, stored: dict[str, Any], pod_lives: bool) -> Step:
    # It is not asked whose pod it was written for: a later pod's policy has a larger revision, and
    # an earlier pod's must go as well when nobody wrote the one in between.
    if pod_lives:
        # Without a policy the pod of that name would be open to everybody.
        isolated = _isolated(wanted, stored)
        if same_content(stored, isolated):
            return Step(Verb.NOTHING, Outcome.UNCHANGED, reason="a pod of that name lives")
        return _update(isolated, stored)
    uid, version = stored["metadata"]["uid"], stored["metadata"]["resourceVersion"]
    return Step(Verb.DELETE, Outcome.DELETED, None, uid, version)


def _least(stored: dict[str, Any], direction: str, side: str) -> list[dict[str, Any]]:
    itself = {"podSelector": stored["spec"]["podSelector"]}
    rules = stored["spec"].get(direction) or ()
    if is_identitys(stored) and not any(itself in rule.get(side, ()) for rule in rules):
        # Somebody else's pods may be selected as well: those are not let in now.
        return []
    return [{side: [itself]}]


def _isolated(wanted: PolicyPatch, stored: dict[str, Any]) -> dict[str, Any]:
    """Return the stored policy, letting its pod reach nothing but itself."""
    meta = stored["metadata"]
    spec = copy.deepcopy(stored["spec"])
    spec |= {
        "ingress": _least(stored, "ingress", "from"),
        "egress": _least(stored, "egress", "to"),
        "policyTypes": ["Ingress", "Egress"],
    }
    notes = {**(meta.get("annotations") or {}), REVISION: wanted.revision.text}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "labels": dict(meta["labels"]),
            "annotations": {k: v for k, v in notes.items() if k.startswith("vereflow.io/")},
        },
        "spec": spec,
    }
