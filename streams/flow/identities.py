"""Let the claims of pods become claims of identities, which outlive their pods.

An address is given once, and kept until nobody has been of the identity for a while; which it is
follows from the order of the facts alone. Before Verefoo was read once, nobody is given any.
"""

from __future__ import annotations

from collections.abc import Set

from streams.flow import identity_aliases, identity_marks
from streams.flow.allocation import is_in
from streams.flow.identifying import Identifying as Identifying
from streams.flow.identifying import found, is_over, next_address
from streams.flow.identity_marks import is_open
from streams.flow.identity_rows import Identities, MemberRow
from streams.flow.identity_telling import Telling
from streams.flow.output import GRAPH_FACTS, Outputs, Refusal, Send
from streams.flow.workloads import identity_key
from streams.records.cause import Cause, Source
from streams.records.facts import Assignment, GraphFact, PodClaim
from streams.records.reasons import LetterReason

KEPT_TOLD = 16


def handle(state: Identities, fact: GraphFact, source: Source, ours: Identifying) -> Outputs:
    """Return the claims of identities that one fact changes; none before addresses are given."""
    if fact.claim is not None and fact.claim.pod.service is not None:
        # Nothing is kept of a Service: whoever gets its claims drops the old ones.
        return [Send(GRAPH_FACTS, fact.graph, fact)]
    if fact.claim is not None:
        return _claim(state, fact.claim, source, fact.cause, ours)
    if fact.assigned is not None:
        return _assign(state, fact.assigned, source, ours)
    if fact.aliases is not None:
        return identity_aliases.handle(state, fact.aliases, source, ours)
    if fact.mark is not None:
        return identity_marks.handle(state, fact, fact.mark, source, ours)
    return []


def due(state: Identities, now: float, ours: Identifying) -> bool:
    """Tell whether somebody's grace is over, or somebody who waits could have an address."""
    if not is_open(state, ours):
        return False
    over = any(is_over(state.identities[key], now, ours) for key in state.idle)
    return over or (bool(state.waiting) and next_address(state, ours) is not None)


def forget(state: Identities, committed: int) -> None:
    """Drop what only a replay below the committed offset could ask for."""
    _forget_pods(state, committed)
    for key, row in list(state.identities.items()):
        if not row.live and row.at < committed:
            state.drop_identity(key)
    for address, alias in list(state.aliases.items()):
        if not alias.name and alias.at < committed:
            state.drop_alias(address)
    for at in list(state.held):
        if at < state.known.opened_at < committed:
            state.drop_held(at)


def _forget_pods(state: Identities, committed: int) -> None:
    known = state.known
    if known.raised_below >= committed:
        return
    # A pod is forgotten only after a commit has saved up to where the forgotten are remembered.
    for key, row in list(state.pods.items()):
        if not row.live and row.rev <= known.forgotten.get(row.partition, -1):
            state.drop_pod(key)
    forgotten = dict(known.forgotten)
    for row in state.pods.values():
        if not row.live and row.at < committed:
            forgotten[row.partition] = max(row.rev, forgotten.get(row.partition, -1))
    if forgotten != known.forgotten:
        raised = {"forgotten": forgotten, "raised_below": committed}
        state.put_known(known.model_copy(update=raised))


def _claim(
    state: Identities, claim: PodClaim, source: Source, cause: Cause | None, ours: Identifying
) -> Outputs:
    old = state.pods.get(claim.pod.key)
    if old is None and claim.rev <= state.known.forgotten.get(claim.partition, -1):
        return []
    again = old is not None and claim.rev <= old.rev
    if old is not None and again and source.offset > old.at:
        return []
    row = old if old is not None and again else _member(old, claim, source)
    concerned = {*row.told, *_concerned(state, row), *(_concerned(state, old) if old else ())}
    state.take_pod(row)
    telling = Telling(state, source, cause, ours, is_open(state, ours, source.offset))
    outputs = telling.tell(sorted(concerned), again=again)
    before = [key for key in row.told if key not in concerned]
    # Last: a kill before this makes it all happen again.
    state.put_pod(row.model_copy(update={"told": (*before, *sorted(concerned))[-KEPT_TOLD:]}))
    own = state.identities.get(identity_key(row.pod))
    if own is not None and own.began == source.offset:
        outputs += telling.refused([own.pod.key])
    if row.live and is_in(row.pod.address, ours.addresses):
        detail = f"{row.pod.key} has {row.pod.address}, which is in {ours.addresses}"
        outputs.append(Refusal(LetterReason.RANGE_OVERLAPS, detail))
    return outputs


def _member(old: MemberRow | None, claim: PodClaim, source: Source) -> MemberRow:
    return MemberRow(
        pod=claim.pod,
        live=claim.live,
        rev=claim.rev,
        partition=claim.partition,
        since=claim.since,
        told=old.told if old else (),
        at=source.offset,
    )


def _concerned(state: Identities, row: MemberRow) -> Set[str]:
    """Return the keys of a pod's identity, and of those whose policies select the pod."""
    return {identity_key(row.pod), *state.selecting(row.pod)}


def _assign(state: Identities, assigned: Assignment, source: Source, ours: Identifying) -> Outputs:
    """Take from Verefoo which address an identity has, unless that is known."""
    telling = Telling(state, source, source.cause(), ours, opened=False)
    row = found(state, assigned, source, ours)
    if row is not None and not is_open(state, ours, source.offset):
        telling.store(row, new=True)
    return []
