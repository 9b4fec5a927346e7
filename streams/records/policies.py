"""From a pod's rules to the cluster: views, patches and what came of them."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field

from streams.records.base import Record
from streams.records.cause import Cause
from streams.records.marks import Mark
from streams.records.reasons import Code
from streams.records.views import Allowance, Inexactness, OutsideAllowance, PodRef

_REVISION = re.compile(r"(-?[0-9]{1,18})\.(-?[0-9]{1,18})\.(-?[0-9]{1,18})")


class Revision(Record):
    """(installation epoch, pod incarnation, offset): later revisions of one policy are larger."""

    epoch: int = 0
    incarnation: int = 0
    offset: int = -1

    @property
    def order(self) -> tuple[int, int, int]:
        """Return the revision as something that compares."""
        return (self.epoch, self.incarnation, self.offset)

    @property
    def text(self) -> str:
        """Return the revision as it stands in an annotation."""
        return f"{self.epoch}.{self.incarnation}.{self.offset}"


def parse_revision(text: str) -> Revision:
    """Read an annotation; what is no revision is older than every revision."""
    match = _REVISION.fullmatch(text)
    if match is None:
        return Revision(epoch=-1)
    epoch, incarnation, offset = map(int, match.groups())
    return Revision(epoch=epoch, incarnation=incarnation, offset=offset)


class PodRules(Record):
    """The whole view of one subject in one graph, or that the subject is gone, or a mark.

    ``revision`` is the offset in the graph's mailbox: of two views the larger one holds.
    """

    graph: str
    subject: PodRef | None = None
    gone: bool = False
    revision: int = -1
    epoch: int = 0
    allowances: tuple[Allowance, ...] = ()
    outside: tuple[OutsideAllowance, ...] = ()
    inexact: tuple[Inexactness, ...] = ()
    mark: Mark | None = None
    cause: Cause | None = None


class PolicyPatch(Record):
    """A manifest on its way to one cluster; without a manifest the policy goes."""

    key: str = ""
    revision: Revision = Revision()
    manifest: dict[str, Any] | None = None
    pod_uid: str = ""
    digest: str = ""
    inexact: tuple[Inexactness, ...] = ()
    unprotected: str = Field(default="", description="Why no policy can select this pod.")
    mark: Mark | None = None
    cause: Cause | None = None


class Outcome(Code):
    """What came of a patch."""

    APPLIED = "APPLIED", "The policy was written.", "Nothing."
    UNCHANGED = "UNCHANGED", "The cluster held the policy already.", "Nothing."
    DELETED = "DELETED", "The pod is gone, and its policy with it.", "Nothing."
    SUPERSEDED = "SUPERSEDED", "The cluster holds a newer revision: this one came late.", "Nothing."
    REFUSED = (
        "REFUSED",
        "The cluster declined the policy, or it is not ours to write; the reason has the words.",
        "Mend what the reason names; it is asked again within five minutes.",
    )
    FOREIGN = (
        "FOREIGN",
        "A policy of that name is not ours, and is left alone.",
        "Rename or delete it: ours is written then.",
    )
    SHADOWED = (
        "SHADOWED",
        "Nothing was written: the namespace is in shadow; the reason says what would have been.",
        "Take the namespace off `cluster.shadow` to go live; `vereflow diff` says what that does.",
    )
    UNPROTECTED = (
        "UNPROTECTED",
        "No policy can select the pod: its label `app` does not say its name; or the pods of an "
        "identity have no label in common.",
        "Give the pod the label `app: <its name>`, or all pods of an identity one of their own.",
    )


class PatchOutcome(Record):
    """One answer of one cluster to one patch, or a mark that arrived after all before it."""

    key: str = ""
    outcome: Outcome = Outcome.APPLIED
    revision: Revision = Revision()
    reason: str = Field(default="", max_length=600)
    inexact: tuple[Inexactness, ...] = ()
    at: float = 0.0
    mark: Mark | None = None
    cause: Cause | None = None


class DeadLetter(Record):
    """What could not be handled: where it lay, why, and its bytes (base64, bounded)."""

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str = Field(default="", max_length=400)
    raw: str = ""
    at: float = 0.0
