"""What marks mean for identities: addresses are given, a listing is whole, a grace is over."""

from __future__ import annotations

from collections.abc import Iterable

from streams.flow.identifying import Identifying, is_over
from streams.flow.identity_rows import Identities, Synced
from streams.flow.identity_telling import Telling, on_both_ways
from streams.flow.output import Outputs
from streams.records.facts import GraphFact
from streams.records.marks import Mark, MarkKind


def is_open(state: Identities, ours: Identifying) -> bool:
    """Tell whether addresses are given."""
    return state.synced.epoch == ours.epoch and state.synced.opened_at >= 0


def handle(telling: Telling, fact: GraphFact, mark: Mark) -> Outputs:
    """Return what follows from a mark."""
    if mark.kind is MarkKind.FIREWALLS_READ:
        return _open(telling, mark)
    if mark.kind is MarkKind.GRACE_OVER:
        return _end(telling) if telling.opened else []
    if mark.started is not None and mark.epoch >= telling.ours.epoch:
        _see(telling, mark)
    if telling.opened:
        _begin_to_wait(telling)
        return on_both_ways(fact)
    telling.state.put_held(telling.source.offset, fact)
    return []


def _open(telling: Telling, mark: Mark) -> Outputs:
    """Give addresses from here on: first to all who came before, the earliest first."""
    state, at = telling.state, telling.source.offset
    if telling.opened or mark.epoch < telling.ours.epoch:
        return []
    known = _of_this_epoch(state.synced, telling.ours)
    state.put_synced(at, known.model_copy(update={"opened_at": at}))
    telling = telling._replace(opened=True)
    _begin_to_wait(telling)
    everybody = _earliest_first(state, state.identities)
    outputs = telling.tell(everybody, again=True)
    held = [state.held[offset] for offset in sorted(state.held)]
    outputs += [output for each in held for output in on_both_ways(each)]
    return [*outputs, *telling.refused(everybody)]


def _end(telling: Telling) -> Outputs:
    """End those whose grace is over, and let others have their addresses."""
    state, now = telling.state, telling.source.at
    over = [key for key in state.idle if is_over(state.identities[key], now, telling.ours)]
    ended = [output for key in sorted(over) for output in telling.end(key)]
    return [*ended, *telling.tell(_earliest_first(state, state.waiting))]


def _see(telling: Telling, mark: Mark) -> None:
    """Note who is listed."""
    assert mark.started is not None
    known = _of_this_epoch(telling.state.synced, telling.ours)
    order, newest = mark.started.order, tuple(known.listing.get(mark.cluster, (-1, -1)))
    if order < newest:
        return
    seen = {*(known.lists.get(mark.cluster, ()) if order == newest else ()), mark.partition}
    changes = {
        "lists": {**known.lists, mark.cluster: sorted(seen)},
        "listing": {**known.listing, mark.cluster: order},
    }
    telling.state.put_synced(telling.source.offset, known.model_copy(update=changes))


def _begin_to_wait(telling: Telling) -> None:
    """Let the time of those begin who were found in the graph, and of whom no pod is listed."""
    state, ours, lists = telling.state, telling.ours, telling.state.synced.lists
    if any(len(lists.get(cluster, ())) < ours.partitions for cluster in ours.clusters):
        return
    for key in sorted(state.idle):
        row = state.identities[key]
        if row.empty is None:
            waits = row.model_copy(update={"empty": telling.source.at})
            state.put_identity(telling.source.offset, waits)


def _earliest_first(state: Identities, keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda key: (state.identities[key].began, key))


def _of_this_epoch(known: Synced, ours: Identifying) -> Synced:
    return known if known.epoch == ours.epoch else Synced(epoch=ours.epoch)
