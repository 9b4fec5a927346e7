"""Merge the views of one pod into its policy, and speak only when what the policy means changes."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import NamedTuple

from pydantic import Field

from streams.flow.lateness import is_over
from streams.flow.output import POLICY_PATCHES, Outputs, Send
from streams.policy.canonical import canonical, digest
from streams.policy.compile import compile_policy
from streams.policy.dialects.kubernetes import IDENTITY, render
from streams.policy.labels import labels_of
from streams.policy.selection import selector_of
from streams.records.base import Record
from streams.records.cause import Cause, Source
from streams.records.policies import PodRules, PolicyPatch, Revision
from streams.records.views import Inexactness, PodRef

NOTES = "vereflow.io/"
GONE = "gone"


class View(Record):
    """The newest view one graph sent of this pod."""

    epoch: int
    revision: int
    subject: PodRef
    gone: bool
    rules: PodRules


class PodRulesRow(Record):
    """The per-pod rule state: one view per graph, and the patch they made."""

    views: dict[str, View] = Field(default_factory=dict)
    patch: PolicyPatch | None = None
    at: int = -1


Rows = MutableMapping[str, PodRulesRow]


class Compiling(NamedTuple):
    """What the compiler must know of its surroundings."""

    instance: str
    epoch: int
    clusters: tuple[str, ...]


def handle(rows: Rows, message: PodRules, key: str, source: Source, ours: Compiling) -> Outputs:
    """Return the patch that one view changes, or the mark for each cluster's applier."""
    if message.mark is not None:
        patch = PolicyPatch(mark=message.mark, cause=message.cause)
        return [
            Send(f"{POLICY_PATCHES}.{cluster}", key, patch, source.partition)
            for cluster in ours.clusters
        ]
    row = rows.get(key, PodRulesRow())
    if source.offset <= row.at:
        # Put again as well: after a kill the row may be on disk and in no changelog.
        rows[key] = row
        return _send(key, row.patch)
    if message.subject is None or _old(row, message):
        return []
    views = {**row.views, message.graph: _stored(message)}
    patch = _compiled(key, views, source, message.cause, ours)
    if row.patch is not None and _written(patch) == _written(row.patch):
        # The cluster holds this already: what could not be said may differ, the revision stays, and
        # so does the label that said it then, or that there was none.
        kept = {"revision": row.patch.revision, "manifest": row.patch.manifest}
        patch = patch.model_copy(update=kept)
    if row.patch is None or _meaning(patch) != _meaning(row.patch):
        rows[key] = PodRulesRow(views=views, patch=patch, at=source.offset)
        return _send(key, patch)
    rows[key] = row.model_copy(update={"views": views, "at": source.offset})
    return _send(key, row.patch) if _begins_anew(row, message) else []


def forget(rows: Rows, committed: int, now: float) -> None:
    """Drop the rows of pods that are gone so long that no view of them can still come."""
    for key, row in list(rows.items()):
        gone = row.patch is not None and row.patch.digest == GONE
        if gone and row.patch and row.at < committed and is_over(row.patch.cause, now):
            del rows[key]


def _old(row: PodRulesRow, message: PodRules) -> bool:
    known = row.views.get(message.graph)
    if known is None:
        return False
    return (message.epoch, message.revision) <= (known.epoch, known.revision)


def _begins_anew(row: PodRulesRow, message: PodRules) -> bool:
    """Tell whether a view is the first of a new epoch: what was wanted may be lost."""
    known = row.views.get(message.graph)
    return known is not None and known.epoch < message.epoch


def _stored(message: PodRules) -> View:
    assert message.subject is not None
    return View(
        epoch=message.epoch,
        revision=message.revision,
        subject=message.subject,
        gone=message.gone,
        rules=message,
    )


def _compiled(
    key: str, views: dict[str, View], source: Source, cause: Cause | None, ours: Compiling
) -> PolicyPatch:
    newest = max(views.values(), key=lambda view: (view.subject.incarnation, not view.gone))
    subject = newest.subject
    revision = Revision(epoch=ours.epoch, incarnation=subject.incarnation, offset=source.offset)
    patch = PolicyPatch(key=key, revision=revision, pod_uid=subject.uid, cause=cause)
    if newest.gone:
        return patch.model_copy(update={"digest": GONE})
    if selector_of(subject) is None:
        return patch.model_copy(
            update={"digest": "unprotected", "unprotected": _unselectable(subject)}
        )
    live = [view for view in views.values() if view.subject.uid == subject.uid and not view.gone]
    policy, unsaid = compile_policy(
        subject,
        [allowance for view in live for allowance in view.rules.allowances],
        [allowance for view in live for allowance in view.rules.outside],
    )
    inexact = _sorted([*unsaid, *(item for view in live for item in view.rules.inexact)])
    manifest = render(policy, ours.instance, {})
    meaning = digest(canonical(manifest))
    graphs = sorted(view.rules.graph for view in live)
    # Behind the digest: a policy that means what it meant is not written again for its labels.
    manifest["metadata"]["labels"] |= labels_of(subject, graphs, inexact)
    notes = {
        f"{NOTES}graph": ",".join(graphs),
        f"{NOTES}pod-uid": subject.uid,
        f"{NOTES}rules-digest": meaning,
        f"{NOTES}revision": revision.text,
    }
    if subject.identity is not None:
        notes[IDENTITY] = f"{subject.identity.kind}/{subject.identity.name}"
    if cause is not None:
        notes[f"{NOTES}cause"] = cause.text
    manifest["metadata"]["annotations"] = notes
    changes = {"manifest": manifest, "digest": meaning, "inexact": inexact}
    return patch.model_copy(update=changes)


def _unselectable(subject: PodRef) -> str:
    if subject.identity is not None:
        alone = f", but all without {subject.identity.stray} do" if subject.identity.stray else ""
        return f"the pods of {subject.identity.kind} {subject.identity.name} share no label{alone}"
    return f"the label app does not pick out {subject.name}, nor does one of ours"


def _sorted(items: list[Inexactness]) -> tuple[Inexactness, ...]:
    unique = {item.model_dump_json(): item for item in items}
    return tuple(unique[text] for text in sorted(unique))


def _written(patch: PolicyPatch) -> tuple[str, str]:
    return (patch.digest, patch.pod_uid)


def _meaning(patch: PolicyPatch) -> tuple[object, ...]:
    return (*_written(patch), patch.inexact)


def _send(key: str, patch: PolicyPatch | None) -> Outputs:
    if patch is None:
        return []
    cluster = key.split("/", 1)[0]
    return [Send(f"{POLICY_PATCHES}.{cluster}", key, patch)]
