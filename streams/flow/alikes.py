"""Report the pods that wear another pod's label: a policy cannot tell the two apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from streams.flow.index import GraphIndex
from streams.records.reasons import InexactReason
from streams.records.views import (
    Allowance,
    Direction,
    Errs,
    Inexactness,
    OutsideAllowance,
    PodRef,
)
from streams.rules.verdict import Exactness


class Kept(NamedTuple):
    """What is written, and where that says more or less than the rules."""

    allowances: tuple[Allowance, ...]
    outside: tuple[OutsideAllowance, ...]
    inexact: list[Inexactness]


def shared(
    index: GraphIndex,
    subject: PodRef,
    allowances: Iterable[Allowance],
    outside: tuple[OutsideAllowance, ...],
    exactness: Exactness,
) -> Kept:
    """Return what of the allowances is written, and where they say more or less than the rules.

    One other pod is named for each label, whichever comes first. Strictly, nothing is allowed
    where a label is shared; otherwise whoever wears it may do what was meant for its owner.
    """
    strict = exactness is Exactness.STRICT
    kept: list[Allowance] = []
    found: list[Inexactness] = []
    for allowance in allowances:
        reports = list(_reports(index, subject, allowance, strict))
        found += reports
        if not (strict and reports):
            kept.append(allowance)
    if outside and (alike := index.alikes(subject)):
        one = subject if strict else index.pods[min(alike)].pod
        found.append(_report("outside", strict, f"{one.key} and {outside[0].blocks[0].cidr}"))
        outside = () if strict else outside
    return Kept(tuple(kept), outside, found)


def _reports(
    index: GraphIndex, subject: PodRef, allowance: Allowance, strict: bool
) -> Iterator[Inexactness]:
    for owner, other in ((subject, allowance.peer), (allowance.peer, subject)):
        alike = index.alikes(owner)
        if not alike:
            continue
        # Strictly, what is missing is the flow that was meant; else there is one of a stranger.
        one = owner if strict else index.pods[min(alike)].pod
        sends = (owner is subject) == (allowance.direction is Direction.EGRESS)
        source, destination = (one, other) if sends else (other, one)
        example = f"{_packet(allowance)}{source.key} -> {destination.key}"
        yield _report(f"{allowance.direction} {allowance.peer.key}", strict, example)


def _report(rule: str, strict: bool, example: str) -> Inexactness:
    errs = Errs.NARROWER if strict else Errs.WIDER
    return Inexactness(rule=rule, errs=errs, reason=InexactReason.SHARED_LABEL, example=example)


def _packet(allowance: Allowance) -> str:
    if not allowance.ports:
        return ""
    span = allowance.ports[0]
    return f"{span.protocol} {span.first} "
