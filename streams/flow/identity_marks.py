"""What marks mean for identities: addresses are given, a listing is whole, a grace is over."""

from __future__ import annotations

from streams.flow.identifying import Identifying, is_over
from streams.flow.identity_rows import FreedRow, HeldRow, Identities, KnownRow
from streams.flow.identity_telling import Telling, on_both_ways
from streams.flow.output import Outputs
from streams.records.cause import Source
from streams.records.facts import GraphFact
from streams.records.marks import Mark, MarkKind


def is_open(state: Identities, ours: Identifying, at: int | None = None) -> bool:
    """Tell whether addresses are given; met again, whether they were by that offset."""
    known = state.known
    opened = known.epoch == ours.epoch and known.opened_at >= 0
    return opened and (at is None or known.opened_at <= at)


def handle(
    state: Identities, fact: GraphFact, mark: Mark, source: Source, ours: Identifying
) -> Outputs:
    """Return what follows from a mark."""
    telling = Telling(state, source, source.cause(), ours, is_open(state, ours, source.offset))
    if mark.kind is MarkKind.FIREWALLS_READ:
        return _open(telling, mark)
    if mark.kind is MarkKind.GRACE_OVER:
        return _end(telling) if telling.opened else []
    if not telling.opened:
        state.put_held(HeldRow(fact=fact, at=source.offset))
    if mark.started is not None:
        _see(telling, mark)
    return [*_listed(telling), *on_both_ways(fact)] if telling.opened else []


def _open(telling: Telling, mark: Mark) -> Outputs:
    """Give addresses from here on: first to all who came before, the earliest first."""
    state, at = telling.state, telling.source.offset
    opened_here = is_open(state, telling.ours) and state.known.opened_at == at
    if mark.epoch < telling.ours.epoch or (is_open(state, telling.ours) and not opened_here):
        return []
    telling = telling._replace(opened=True)
    _begin_to_wait(telling)
    everybody = sorted(state.identities, key=lambda key: (state.identities[key].began, key))
    outputs = telling.tell(everybody, again=True)
    # Last, and unchanged as well: a kill before this makes it all happen again.
    known = _of_this_epoch(state.known, telling.ours)
    state.put_known(known.model_copy(update={"opened_at": at}))
    held = [state.held[offset].fact for offset in sorted(state.held) if offset < at]
    outputs += [output for fact in held for output in on_both_ways(fact)]
    return [*outputs, *telling.refused(everybody)]


def _end(telling: Telling) -> Outputs:
    """End those whose grace is over, and let others have their addresses."""
    state, source, freed = telling.state, telling.source, telling.state.addresses.freed
    met = {key: row for key, row in state.identities.items() if row.at == source.offset}
    over = [
        row
        for row in (state.identities[key] for key in sorted(state.idle))
        if row.at < source.offset and is_over(row, source.at, telling.ours)
    ]
    ended = [*over, *(row for row in met.values() if not row.live)]
    # First: an identity that is gone must have left its address.
    for address in sorted(
        {row.pod.address for row in ended if row.pod.address}
        | {address for address, at in freed.items() if at == source.offset}
    ):
        state.put_freed(FreedRow(address=address, at=max(source.offset, freed.get(address, -1))))
    outputs = [output for row in ended for output in telling.ended(row)]
    given = [key for key, row in met.items() if row.live]
    waiting = sorted(state.waiting, key=lambda key: (state.identities[key].began, key))
    return [*outputs, *telling.tell(dict.fromkeys((*given, *waiting)))]


def _see(telling: Telling, mark: Mark) -> None:
    """Note who is listed."""
    state = telling.state
    if mark.epoch < telling.ours.epoch or mark.started is None:
        return
    known = _of_this_epoch(state.known, telling.ours)
    newest = tuple(known.listing.get(mark.cluster, (-1, -1)))
    if mark.started.order >= newest:
        again = mark.started.order == newest
        seen = {*(known.lists.get(mark.cluster, ()) if again else ()), mark.partition}
        changes = {
            "lists": {**known.lists, mark.cluster: sorted(seen)},
            "listing": {**known.listing, mark.cluster: mark.started.order},
        }
        known = known.model_copy(update=changes)
    # Unchanged as well: after a kill the row may be on disk and in no changelog.
    state.put_known(known)


def _listed(telling: Telling) -> Outputs:
    rows = telling.state.identities
    met = [key for key in sorted(telling.state.idle) if rows[key].at == telling.source.offset]
    _begin_to_wait(telling)
    return telling.tell(met)


def _begin_to_wait(telling: Telling) -> None:
    """Let the time of those begin who were found in the graph, and of whom no pod is listed."""
    state, source, ours = telling.state, telling.source, telling.ours
    lists = state.known.lists if state.known.epoch == ours.epoch else {}
    if any(len(lists.get(cluster, ())) < ours.partitions for cluster in ours.clusters):
        return
    for row in [state.identities[key] for key in sorted(state.idle)]:
        if row.empty is None and row.at <= source.offset:
            telling.store(row.model_copy(update={"empty": source.at}), new=False)


def _of_this_epoch(known: KnownRow, ours: Identifying) -> KnownRow:
    if known.epoch == ours.epoch:
        return known
    kept = known.model_dump(include={"forgotten", "raised_below"})
    return KnownRow(epoch=ours.epoch, **kept)
