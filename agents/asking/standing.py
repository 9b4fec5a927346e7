"""How a wanted policy stands: whether the cluster has answered, and where it is not its rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from streams.flow.fence import same_content
from streams.records.policies import PatchOutcome, PolicyPatch

PENDING = "PENDING"
NOT_KNOWN = "not known"


class Drift(StrEnum):
    """How what is stored differs from what is wanted."""

    NONE = "as wanted"
    DIFFERS = "differs"
    MISSING = "not stored"
    LEFT = "still stored"
    UNKNOWN = NOT_KNOWN


def is_pending(patch: PolicyPatch, outcome: PatchOutcome | None) -> bool:
    """Tell whether the cluster has not answered to this revision yet."""
    return outcome is None or outcome.revision.order < patch.revision.order


def outcome_of(patch: PolicyPatch, outcome: PatchOutcome | None) -> str:
    """Return what came of a patch, in one word."""
    return PENDING if outcome is None or is_pending(patch, outcome) else str(outcome.outcome)


def drift(patch: PolicyPatch, found: Mapping[str, Any] | None, known: bool = True) -> Drift:
    """Return how what is stored differs from what is wanted, if what is stored is known."""
    if not known:
        return Drift.UNKNOWN
    if patch.manifest is None:
        return Drift.NONE if found is None else Drift.LEFT
    if found is None:
        return Drift.MISSING
    return Drift.NONE if same_content(dict(found), patch.manifest) else Drift.DIFFERS


def reasons(patch: PolicyPatch) -> list[str]:
    """Return why the policy differs from its rules, each reason with how often and which way."""
    counted = Counter((each.reason, each.errs) for each in patch.inexact)
    return [f"{reason} {errs} ({times})" for (reason, errs), times in sorted(counted.items())]
