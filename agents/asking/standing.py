"""How a wanted policy stands: whether the cluster has answered, and where it is not its rules."""

from __future__ import annotations

from collections import Counter

from streams.records.policies import PatchOutcome, PolicyPatch

PENDING = "PENDING"


def is_pending(patch: PolicyPatch, outcome: PatchOutcome | None) -> bool:
    """Tell whether the cluster has not answered to this revision yet."""
    return outcome is None or outcome.revision.order < patch.revision.order


def reasons(patch: PolicyPatch) -> list[str]:
    """Return why the policy differs from its rules, each reason with how often and which way."""
    counted = Counter((each.reason, each.errs) for each in patch.inexact)
    return [f"{reason} {errs} ({times})" for (reason, errs), times in sorted(counted.items())]
