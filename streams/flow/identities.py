"""Let the claims of pods become claims of identities, which outlive their pods.

An address is given once, and kept until nobody has been of the identity for a while; which it is
follows from the order of the facts alone. Before Verefoo was read once, nobody is given any.
"""

from __future__ import annotations

from collections.abc import Set

from streams.flow import identity_aliases, identity_marks
from streams.flow.allocation import is_in
from streams.flow.identifying import Identifying as Identifying
from streams.flow.identifying import found, is_over, meaning, next_address
from streams.flow.identity_marks import is_open
from streams.flow.identity_rows import Identities, Member
from streams.flow.identity_telling import Telling
from streams.flow.output import GRAPH_FACTS, Outputs, Refusal, Send
from streams.flow.workloads import identity_key
from streams.records.cause import Source
from streams.records.facts import Assignment, GraphFact, PodClaim
from streams.records.reasons import LetterReason


def handle(state: Identities, fact: GraphFact, source: Source, ours: Identifying) -> Outputs:
    """Return the claims of identities that one fact changes; none before addresses are given."""
    if fact.claim is not None and fact.claim.pod.service is not None:
        # Nothing is kept of a Service: whoever gets its claims drops the old ones.
        return [Send(GRAPH_FACTS, fact.graph, fact)]
    if source.offset < state.forgotten.done:
        return []
    _begin_at(state, source.offset, ours)
    cause = fact.cause or source.cause()
    telling = Telling(state, source, cause, ours, is_open(state, ours))
    if fact.claim is not None:
        return _claim(telling, fact.claim)
    if fact.aliases is not None:
        return identity_aliases.handle(telling, fact.aliases)
    if fact.mark is not None:
        return identity_marks.handle(telling, fact, fact.mark)
    if fact.assigned is not None and not telling.opened:
        _assign(telling, fact.assigned)
    return []


def _begin_at(state: Identities, offset: int, ours: Identifying) -> None:
    if state.begin_at(offset):
        for row in state.identities.values():
            if row.live:
                state.mean(meaning(state, row, ours))


def due(state: Identities, now: float, ours: Identifying) -> bool:
    """Tell whether somebody's grace is over, or somebody who waits could have an address."""
    if not is_open(state, ours):
        return False
    over = any(is_over(state.identities[key], now, ours) for key in state.idle)
    return over or (bool(state.waiting) and next_address(state, ours) is not None)


def forget(state: Identities, committed: int) -> None:
    """Drop what only a replay below the committed offset could ask for."""
    state.forget(committed)


def _claim(telling: Telling, claim: PodClaim) -> Outputs:
    state, ours = telling.state, telling.ours
    old = state.pods.get(claim.pod.key)
    known = old.rev if old else state.forgotten.revs.get(claim.partition, -1)
    if claim.rev <= known:
        return []
    before = _concerned(state, old) if old is not None else set()
    row = Member(
        pod=claim.pod,
        live=claim.live,
        rev=claim.rev,
        partition=claim.partition,
        since=claim.since,
    )
    state.put_pod(telling.source.offset, row)
    own = identity_key(row.pod)
    outputs = telling.tell(sorted({own, *before, *_concerned(state, row)}))
    if own in state.identities and state.identities[own].began == telling.source.offset:
        outputs += telling.refused([own])
    if row.live and is_in(row.pod.address, ours.addresses):
        detail = f"{row.pod.key} has {row.pod.address}, which is in {ours.addresses}"
        outputs.append(Refusal(LetterReason.RANGE_OVERLAPS, detail))
    return outputs


def _concerned(state: Identities, row: Member) -> Set[str]:
    """Return the keys of a pod's identity, and of those that are selected by what it wears."""
    return {identity_key(row.pod), *state.wearing.selecting(row.pod)}


def _assign(telling: Telling, assigned: Assignment) -> None:
    """Take from Verefoo which address an identity has."""
    row = found(telling.state, assigned, telling.source, telling.ours)
    if row is not None:
        telling.state.put_identity(telling.source.offset, row)
        telling.tell([row.pod.key])
