"""What changed lately, what it was caused by, and how long each hop took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from agents.asking.changed import changed
from agents.asking.seen import Recent
from agents.asking.times import clock, span
from agents.asking.view import View, short
from streams.flow.output import FIREWALL_CHANGES, PATCH_OUTCOMES, POD_RULES, POLICY_PATCHES
from streams.records.addresses import matches
from streams.records.facts import FirewallChange
from streams.records.policies import Outcome, PatchOutcome, PodRules, PolicyPatch
from streams.records.rules import Rule
from streams.records.views import PodRef
from streams.rules.wording import one_line

PAST = (FIREWALL_CHANGES, POD_RULES, POLICY_PATCHES, PATCH_OUTCOMES)
# A version of a policy: its key, and from which of its records on pod-rules it was computed.
Version = tuple[str, int]
MOST_OF_ONE = 50
# Of the rules that a cause says about one policy.
MOST_RULES = 5
QUIET = (Outcome.UNCHANGED, Outcome.SUPERSEDED)


class Hop(View):
    """One stretch of the way from a cause to the cluster."""

    name: str
    took: str


class _Routed(NamedTuple):
    """When a version was routed, and whom it is of."""

    at: float = 0.0
    subject: PodRef | None = None


class _Compiled(NamedTuple):
    """When a version of a policy was compiled, and the version before, if that is still kept."""

    at: float
    patch: PolicyPatch
    before: PolicyPatch | None

    @property
    def changed(self) -> tuple[str, ...]:
        """What it opens and closes; nothing is said where the one before is not known."""
        before = self.before
        return changed(before.manifest, self.patch.manifest) if before is not None else ()


class Change(View):
    """What became of one version of one policy.

    ``rules`` are those that its cause said about whom it selects: + they came, - they went,
    = they stand in the whole list that was said.
    """

    at: str
    policy: str
    name: str
    outcome: str
    revision: str
    reason: str
    cause: str
    hops: tuple[Hop, ...]
    took: str
    changed: tuple[str, ...]
    rules: tuple[str, ...]


def recent(past: Recent, *, every: bool = False, policy: str | None = None) -> list[Change]:
    """Return the changes that the broker was told of lately, the newest first."""
    outcomes = [
        outcome
        for _, outcome in past.records(PATCH_OUTCOMES, PatchOutcome)
        if outcome.mark is None
        and (every or outcome.outcome not in QUIET)
        and policy in (None, outcome.key)
    ]
    routed = dict(_routed(past))
    compiled = dict(_compiled(past))
    changes = [_change(each, routed, compiled, past) for each in outcomes]
    return sorted(changes, key=place_of, reverse=True)


def changes_of(past: Recent, policy: str, most: int | None = MOST_OF_ONE) -> tuple[Change, ...]:
    """Return what became of one policy lately, also where nothing changed; None: all of it."""
    return tuple(recent(past, every=True, policy=policy)[:most])


def told_of(past: Recent) -> set[str]:
    """Return the keys of the policies of which something is known."""
    outcomes = (each for _, each in past.records(PATCH_OUTCOMES, PatchOutcome))
    return {each.key for each in outcomes if each.mark is None}


def place_of(change: Change) -> str:
    """Return what sorts changes by time, each at a place of its own."""
    return f"{change.at} {change.policy} {change.revision}"


def _routed(past: Recent) -> Iterator[tuple[Version, _Routed]]:
    for record, view in past.records(POD_RULES, PodRules):
        if view.subject is not None:
            version = view.subject.key, record.offset
            yield version, _Routed(record.timestamp / 1000, view.subject)


def _compiled(past: Recent) -> Iterator[tuple[Version, _Compiled]]:
    newest: dict[str, PolicyPatch] = {}
    told = past.records(POLICY_PATCHES, PolicyPatch)
    for record, patch in sorted(told, key=lambda each: each[1].revision.order):
        version, before = (patch.key, patch.revision.offset), newest.get(patch.key)
        # What is sent once more is no other version.
        if patch.mark is None and (before is None or before.revision != patch.revision):
            yield version, _Compiled(record.timestamp / 1000, patch, before)
            newest[patch.key] = patch


def _change(
    outcome: PatchOutcome,
    routed: Mapping[Version, _Routed],
    compiled: Mapping[Version, _Compiled],
    past: Recent,
) -> Change:
    version = (outcome.key, outcome.revision.offset)
    known, way = compiled.get(version), routed.get(version, _Routed())
    cause = outcome.cause
    began = cause.at if cause else 0.0
    moments = [
        ("routed", way.at),
        ("compiled", known.at if known else 0.0),
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
        changed=known.changed if known else (),
        rules=_rules(past, cause.text, way.subject) if cause and way.subject else (),
    )


def _rules(past: Recent, cause: str, subject: PodRef) -> tuple[str, ...]:
    """Return what a cause says of the rules about somebody, if it is one that says rules."""
    told = past.one(FIREWALL_CHANGES, FirewallChange, cause)
    if told is None:
        return ()
    addresses = [each for each in (subject.address, *subject.aliases) if each]
    found = [
        f"{sign} {one_line(rule)}"
        for sign, rules in (("+", told.added), ("-", told.removed), ("=", told.elements or ()))
        for rule in rules
        if _is_about(rule, addresses)
    ]
    more = len(found) - MOST_RULES
    return (*islice(found, MOST_RULES), *([f"and {more} more"] if more > 0 else ()))


def _is_about(rule: Rule, addresses: list[str]) -> bool:
    ends = rule.source, rule.destination
    return any(matches(end, address) for end in ends for address in addresses)


def _hops(began: float, moments: list[tuple[str, float]]) -> Iterator[Hop]:
    before = began
    for name, at in moments:
        # What is not kept any more took its time together with the next.
        if before and at:
            yield Hop(name=name, took=span(at - before))
        before = at or before
