"""Policies: what is wanted, what is stored, what came of it, and whether somebody changed it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from agents.asking.standing import PENDING, Drift, drift, outcome_of, reasons
from agents.asking.unsaid import Unsaid, say
from agents.asking.view import View, short
from agents.web.pages.page import Asked, Listing, NotHere, Page, cut
from agents.web.seen import Seen
from agents.web.times import clock, span
from streams.records.policies import Outcome

# Of a stored policy's metadata; who wrote which field when is a matter for kubectl.
_COMPARED = ("name", "namespace", "labels", "annotations", "uid", "resourceVersion")
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


class Policies(View):
    """Every policy: what is wanted, what is stored, and what came of it."""

    policies: tuple[PolicyLine, ...]
    total: int
    next: str | None
    foreign: tuple[str, ...]
    gaps: tuple[str, ...]


class PoliciesAsked(Listing):
    """What may be asked of the list of policies."""

    gone: bool = Field(default=False, description="Also those of pods that are gone.")


class PolicyAsked(Asked):
    """Which policy is asked for."""

    cluster: str = Field(max_length=253)
    namespace: str = Field(max_length=253)
    name: str = Field(max_length=253)

    @property
    def key(self) -> str:
        """The key of the policy, and of its pod."""
        return f"{self.cluster}/{self.namespace}/{self.name}"


class Policy(View):
    """One policy whole: its manifest as wanted and as stored, and where it is not its rules."""

    line: PolicyLine
    wanted: dict[str, Any] | None
    stored: dict[str, Any] | None
    digest: str
    pod_uid: str
    took: str
    unsaid: tuple[Unsaid, ...]
    gaps: tuple[str, ...]


def policies(seen: Seen, asked: PoliciesAsked) -> Policies:
    """Return the list."""
    outcomes = seen.rows.outcomes
    found = (
        (key, f"{key} {outcome_of(patch, outcomes.get(key))} {'inexact' if patch.inexact else ''}")
        for key, patch in seen.rows.wanted.items()
        if asked.gone or patch.manifest is not None or patch.unprotected
    )
    keys, following, total = cut(found, asked)
    known = {short(key) for key in seen.rows.wanted}
    return Policies(
        policies=tuple(policy_line(seen, key) for key in keys),
        total=total,
        next=following,
        foreign=tuple(sorted(name for name in seen.cluster.policies if name not in known)),
        gaps=seen.gaps,
    )


def policy(seen: Seen, asked: PolicyAsked) -> Policy:
    """Return one policy; raise NotHere if nobody ever wanted it."""
    patch = seen.rows.wanted.get(asked.key)
    if patch is None:
        raise NotHere(f"no policy {asked.key} is known")
    outcome = seen.rows.outcomes.get(asked.key)
    took = ""
    if outcome is not None and outcome.cause is not None and outcome.cause.at:
        took = span(outcome.at - outcome.cause.at)
    return Policy(
        line=policy_line(seen, asked.key),
        wanted=patch.manifest,
        stored=_tidied(seen.cluster.policies.get(short(asked.key))),
        digest=patch.digest,
        pod_uid=patch.pod_uid,
        took=took,
        unsaid=tuple(map(say, patch.inexact)),
        gaps=seen.gaps,
    )


def policy_line(seen: Seen, key: str) -> PolicyLine:
    """Return one policy of those that are wanted as a line."""
    patch, outcome = seen.rows.wanted[key], seen.rows.outcomes.get(key)
    told, cause = outcome_of(patch, outcome), patch.cause
    return PolicyLine(
        key=key,
        name=short(key),
        outcome=told,
        bad=told in BAD,
        revision=patch.revision.text,
        drift=drift(patch, seen.cluster.policies.get(short(key)), seen.cluster.known),
        inexact=tuple(reasons(patch)),
        reason=patch.unprotected or (outcome.reason if outcome and told != PENDING else ""),
        cause=cause.text if cause else "",
        at=clock(outcome.at if outcome else 0.0),
    )


def _tidied(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what people compare with what is wanted, in the same order."""
    if stored is None:
        return None
    meta, spec = stored["metadata"], stored.get("spec") or {}
    kept = {name: meta[name] for name in _COMPARED if name in meta}
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


PAGES = (
    Page("/policies", "policies.html", policies, PoliciesAsked, Policies, ("stored",)),
    Page(
        "/policies/{cluster}/{namespace}/{name}",
        "policy.html",
        policy,
        PolicyAsked,
        Policy,
        ("stored",),
    ),
)
