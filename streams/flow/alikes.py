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
    where a label is shared; otherwise whoever wears it may do what was meant for its owner. Of
    identities nothing ever is: there the stranger is one of many who come and go.
    """
    strict = exactness is Exactness.STRICT
    kept: list[Allowance] = []
    found: list[Inexactness] = []
    for allowance in allowances:
        reports = list(_reports(index, subject, allowance, strict))
        found += reports
        if all(report.errs is Errs.WIDER for report in reports):
            kept.append(allowance)
    if outside and (shared := _shared(index, subject, strict)):
        example = f"{shared.example} and {outside[0].blocks[0].cidr}{shared.note}"
        found.append(_report("outside", shared.errs, example))
        outside = outside if shared.errs is Errs.WIDER else ()
    return Kept(tuple(kept), outside, found)


class _Shared(NamedTuple):
    """What follows from a label that somebody else wears, and the end of a flow that shows it."""

    errs: Errs
    example: str
    note: str = ""


def _shared(index: GraphIndex, owner: PodRef, strict: bool) -> _Shared | None:
    if owner.identity is not None:
        stranger = owner.identity.shared_with
        note = f": {stranger} wears the labels of {owner.key}"
        return _Shared(Errs.NARROWER, owner.key, note) if stranger else None
    alike = index.alikes(owner)
    if not alike:
        return None
    # Strictly, what is missing is the flow that was meant; else there is one of a stranger.
    return _Shared(Errs.NARROWER, owner.key) if strict else _Shared(Errs.WIDER, min(alike))


def _reports(
    index: GraphIndex, subject: PodRef, allowance: Allowance, strict: bool
) -> Iterator[Inexactness]:
    for owner, other in ((subject, allowance.peer), (allowance.peer, subject)):
        if owner.cluster != subject.cluster and owner.identity is None:
            # No policy here selects it by a label.
            continue
        shared = _shared(index, owner, strict)
        if shared is None:
            continue
        sends = (owner is subject) == (allowance.direction is Direction.EGRESS)
        source, destination = (shared.example, other.key) if sends else (other.key, shared.example)
        example = f"{_packet(allowance)}{source} -> {destination}{shared.note}"
        yield _report(f"{allowance.direction} {allowance.peer.key}", shared.errs, example)


def _report(rule: str, errs: Errs, example: str) -> Inexactness:
    return Inexactness(rule=rule, errs=errs, reason=InexactReason.SHARED_LABEL, example=example)


def _packet(allowance: Allowance) -> str:
    if not allowance.ports:
        return ""
    span = allowance.ports[0]
    return f"{span.protocol} {span.first} "
