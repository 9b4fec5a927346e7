"""One policy: what is wanted, what is stored, what came of it, and whether somebody changed it."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import ndiff
from typing import Any

import yaml

from agents.asking.seen import Seen
from agents.asking.standing import Drift, drift, reasons
from agents.asking.times import clock, span
from agents.asking.unsaid import Unsaid, say
from agents.asking.view import View, short
from streams.records.policies import Outcome, PolicyPatch

# Of a stored policy's metadata; who wrote which field when is a matter for kubectl.
_COMPARED = ("name", "namespace", "labels", "annotations")
_SHOWN = (*_COMPARED, "uid", "resourceVersion")
_SPEC = ("podSelector", "policyTypes", "ingress", "egress")
BAD = (Outcome.REFUSED, Outcome.FOREIGN, Outcome.UNPROTECTED)


class PolicyLine(View):
    """One policy in a list."""

    key: str
    name: str
    outcome: str
    bad: bool
    revision: str
    drift: Drift
    inexact: tuple[str, ...]
    reason: str
    cause: str
    at: str


class Policy(View):
    """One policy: its manifest as wanted and as stored, and where it is not its rules."""

    line: PolicyLine
    wanted: dict[str, Any] | None
    stored: dict[str, Any] | None
    difference: tuple[str, ...]
    kind: str
    digest: str
    pod_uid: str
    took: str
    unsaid: tuple[Unsaid, ...]
    gaps: tuple[str, ...]


def policy_of(seen: Seen, key: str) -> Policy:
    """Return one policy of those that are wanted whole."""
    patch, outcome = seen.rows.wanted[key], seen.rows.outcomes.get(key)
    took = ""
    if outcome is not None and outcome.cause is not None and outcome.cause.at:
        took = span(outcome.at - outcome.cause.at)
    line, stored = policy_line(seen, key), seen.cluster.policies.get(short(key))
    return Policy(
        line=line,
        wanted=patch.manifest,
        stored=_tidied(stored, _SHOWN),
        difference=tuple(_difference(patch, stored)) if line.drift is Drift.DIFFERS else (),
        kind=seen.rows.kind(key),
        digest=patch.digest,
        pod_uid=patch.pod_uid,
        took=took,
        unsaid=tuple(map(say, patch.inexact)),
        gaps=seen.gaps,
    )


def policy_line(seen: Seen, key: str) -> PolicyLine:
    """Return one policy of those that are wanted as a line."""
    patch, outcome = seen.rows.wanted[key], seen.rows.outcomes.get(key)
    told, cause = seen.rows.came_of(key), patch.cause
    return PolicyLine(
        key=key,
        name=short(key),
        outcome=told,
        bad=told in BAD,
        revision=patch.revision.text,
        drift=drift(patch, seen.cluster.policies.get(short(key)), seen.cluster.known),
        inexact=tuple(reasons(patch)),
        reason=seen.rows.reason_of(key),
        cause=cause.text if cause else "",
        at=clock(outcome.at if outcome else 0.0),
    )


def _difference(patch: PolicyPatch, stored: dict[str, Any] | None) -> Iterator[str]:
    """Yield the lines of what is wanted and of what is stored, each with which of them has it."""
    wanted, found = (_tidied(each, _COMPARED) for each in (patch.manifest, stored))
    one, two = (yaml.safe_dump(each, sort_keys=False).splitlines() for each in (wanted, found))
    return (line for line in ndiff(one, two) if not line.startswith("?"))


def _tidied(policy: dict[str, Any] | None, kept_of_it: tuple[str, ...]) -> dict[str, Any] | None:
    """Return what people compare, in one order."""
    if policy is None:
        return None
    meta, spec = policy["metadata"], policy.get("spec") or {}
    kept = {name: meta[name] for name in kept_of_it if name in meta}
    rest = {name: each for name, each in spec.items() if name not in _SPEC}
    said = {name: _by_order(spec[name]) for name in _SPEC if name in spec}
    return {"metadata": kept, "spec": said | rest}


def _by_order(value: Any) -> Any:
    """Return the parts of a policy's rules in the order in which ours are written."""
    if isinstance(value, list):
        return [_by_order(each) for each in value]
    if isinstance(value, dict):
        return {name: _by_order(value[name]) for name in sorted(value, key=_place)}
    return value


def _place(name: str) -> tuple[bool, bool, bool, str]:
    return (name == "ports", name != "protocol", name != "port", name)
