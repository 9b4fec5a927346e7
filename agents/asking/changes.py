"""What changed lately, what it was caused by, and how long each hop took."""

from __future__ import annotations

from collections.abc import Iterator

from agents.asking.seen import Seen
from agents.asking.times import clock, span
from agents.asking.view import View, short
from streams.flow.output import PATCH_OUTCOMES, POD_RULES, POLICY_PATCHES
from streams.records.policies import Outcome, PatchOutcome, PodRules, PolicyPatch

PAST = (POD_RULES, POLICY_PATCHES, PATCH_OUTCOMES)
# A version of a policy: its key, and from which of its records on pod-rules it was computed.
Version = tuple[str, int]
MOST_OF_ONE = 50
QUIET = (Outcome.UNCHANGED, Outcome.SUPERSEDED)


class Hop(View):
    """One stretch of the way from a cause to the cluster."""

    name: str
    took: str


class Change(View):
    """What became of one version of one policy."""

    at: str
    policy: str
    name: str
    outcome: str
    revision: str
    reason: str
    cause: str
    hops: tuple[Hop, ...]
    took: str


def recent(seen: Seen, *, every: bool = False, policy: str | None = None) -> list[Change]:
    """Return the changes that the broker was told of lately, the newest first."""
    outcomes = [
        outcome
        for _, outcome in seen.past.records(PATCH_OUTCOMES, PatchOutcome)
        if outcome.mark is None
        and (every or outcome.outcome not in QUIET)
        and policy in (None, outcome.key)
    ]
    routed = dict(_routed(seen))
    compiled = dict(_compiled(seen))
    changes = [_change(each, routed, compiled) for each in outcomes]
    return sorted(changes, key=place_of, reverse=True)


def changes_of(seen: Seen, policy: str) -> tuple[Change, ...]:
    """Return what became of one policy lately, also where nothing changed."""
    return tuple(recent(seen, every=True, policy=policy)[:MOST_OF_ONE])


def place_of(change: Change) -> str:
    """Return what sorts changes by time, each at a place of its own."""
    return f"{change.at} {change.policy} {change.revision}"


def _routed(seen: Seen) -> Iterator[tuple[Version, float]]:
    for record, view in seen.past.records(POD_RULES, PodRules):
        if view.subject is not None:
            yield (view.subject.key, record.offset), record.timestamp / 1000


def _compiled(seen: Seen) -> Iterator[tuple[Version, float]]:
    for record, patch in seen.past.records(POLICY_PATCHES, PolicyPatch):
        if patch.mark is None:
            yield (patch.key, patch.revision.offset), record.timestamp / 1000


def _change(
    outcome: PatchOutcome, routed: dict[Version, float], compiled: dict[Version, float]
) -> Change:
    version = (outcome.key, outcome.revision.offset)
    cause = outcome.cause
    began = cause.at if cause else 0.0
    moments = [
        ("routed", routed.get(version, 0.0)),
        ("compiled", compiled.get(version, 0.0)),
        ("written", outcome.at),
    ]
    return Change(
        at=clock(outcome.at),
        policy=outcome.key,
        name=short(outcome.key),
        outcome=str(outcome.outcome),
        revision=outcome.revision.text,
        reason=outcome.reason,
        cause=cause.text if cause else "",
        hops=tuple(_hops(began, moments)),
        took=span(outcome.at - began) if began and outcome.at else "",
    )


def _hops(began: float, moments: list[tuple[str, float]]) -> Iterator[Hop]:
    before = began
    for name, at in moments:
        # What is not kept any more took its time together with the next.
        if before and at:
            yield Hop(name=name, took=span(at - before))
        before = at or before
