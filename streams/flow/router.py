"""Resolve one graph's pods and rules, in their one order, into the view of every pod concerned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.flow import change_sets
from streams.flow.barriers import seen_with
from streams.flow.blast import blast, closing, opening
from streams.flow.claiming import clashing, is_scaled, may_move, moving, naming_twice, served, shed
from streams.flow.crossing import met_by_address
from streams.flow.framing import frame, is_due
from streams.flow.graph import Graph
from streams.flow.graph_rows import GateRow, GraphPodRow, SaidRow, VerdictRow
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging
from streams.flow.output import GRAPH_EDITS, KEY_FRAMES, POD_RULES, Outputs, Refusal, Send
from streams.flow.views import Resolved, resolve
from streams.flow.writing import bind_again, bind_holder, write
from streams.policy.selection import worn
from streams.records.cause import Cause, Source
from streams.records.facts import FirewallChange, GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind
from streams.records.policies import PodRules
from streams.records.reasons import LetterReason

MOST_PEERS = 2500
KEPT_BARRIERS = 16
KEPT_BEFORE = 4


class Routing(NamedTuple):
    """What the router must know of its surroundings.

    A key frame comes every so many seconds. One change may open something for ``blast_limit`` pods,
    unless it says that it means to; None: for any number.
    """

    partitions: int
    epoch: int
    clusters: tuple[str, ...]
    judging: Judging = Judging()
    frame_seconds: float = 10_800
    blast_limit: int | None = None


def handle(graph: Graph, fact: GraphFact, source: Source, ours: Routing) -> Outputs:
    """Return the views that one fact changes; nothing before the first sync is complete."""
    if fact.mark is not None:
        return _mark(graph, fact.mark, source, ours)
    touched: set[str] = set()
    refused: Outputs = []
    if fact.claim is not None:
        touched = _claim(graph, fact.claim, source, fact.cause, ours)
        refused = clashing(graph.index, fact.claim)
    elif fact.change is not None and not _said_before(graph.index, fact, source):
        touched, refused = _change(graph, fact.change, source, ours)
        if fact.rev is not None:
            # Last: a kill before this makes it all happen again.
            partition, rev = fact.rev
            said = SaidRow(partition=partition, rev=rev, at=source.offset, origin=fact.origin)
            graph.put_said(said)
    return [*speak(graph, sorted(touched), source, fact.cause, ours), *refused]


def forget(graph: Graph, committed: int) -> None:
    """Drop what only a replay below the committed offset could ask for."""
    _forget_pods(graph, committed)
    for key, rule in list(graph.index.rules.items()):
        if rule.dropped and rule.at < committed:
            graph.rows.pop(f"{graph.name}|{key}", None)
            graph.index.drop_rule(key)
    _forget_bindings(graph, committed)
    for verdict in list(graph.index.verdicts.values()):
        if verdict.at < committed:
            graph.drop_verdict(verdict)
    for key in change_sets.done_with(graph.index.parts, committed):
        graph.rows.pop(f"{graph.name}|{key}", None)
        del graph.index.parts[key]
    for at, said in list(graph.index.said.items()):
        if at < committed and not _is_newest(graph.index, said):
            graph.rows.pop(f"{graph.name}|said|{at}", None)
            del graph.index.said[at]


def _forget_bindings(graph: Graph, committed: int) -> None:
    for key, binding in list(graph.index.bindings.items()):
        rule = graph.index.rules.get(binding.rule)
        # A kill may have lost what a rule said last, in the other table: it will be said again.
        since = binding.at if rule is None else rule.at
        if since < committed and (rule is None or rule.at > binding.said):
            graph.pods.pop(f"{graph.name}|{key}", None)
            graph.index.drop_binding(key)


def _forget_pods(graph: Graph, committed: int) -> None:
    gate = graph.index.gate
    if gate.raised_below >= committed:
        return
    # Two tables have two changelogs, without an order between them: a pod is forgotten only after
    # a commit has saved up to where the forgotten are remembered.
    for key, row in list(graph.index.pods.items()):
        if not row.live and row.rev <= gate.forgotten.get(row.partition, -1):
            graph.pods.pop(f"{graph.name}|{key}", None)
            graph.index.drop_pod(key)
    forgotten = dict(gate.forgotten)
    for row in graph.index.pods.values():
        if not row.live and row.at < committed:
            forgotten[row.partition] = max(row.rev, forgotten.get(row.partition, -1))
    if forgotten != gate.forgotten:
        raised = {"forgotten": forgotten, "raised_below": committed}
        graph.put_gate(gate.model_copy(update=raised))


def _said_before(index: GraphIndex, fact: GraphFact, source: Source) -> bool:
    """Tell whether a change is an old one once more; a fact met again is not."""
    if source.offset in index.said:
        return False
    known = ((fact.rev, index.newest), (fact.origin, index.heard))
    return any(at is not None and at[1] <= newest.get(at[0], -1) for at, newest in known)


def _is_newest(index: GraphIndex, said: SaidRow) -> bool:
    if said.rev == index.newest[said.partition]:
        return True
    return said.origin is not None and said.origin[1] == index.heard[said.origin[0]]


def _claim(
    graph: Graph, claim: PodClaim, source: Source, cause: Cause | None, ours: Routing
) -> set[str]:
    index, key = graph.index, claim.pod.key
    old = index.pods.get(key)
    if old is None and claim.rev <= index.gate.forgotten.get(claim.partition, -1):
        return set()
    stale = old is not None and claim.rev <= old.rev
    if old is not None and stale and source.offset > old.at:
        return set()
    if old is not None and stale:
        # Put again as well: after a kill the row may be on disk and in no changelog.
        graph.put_pod(key, old)
    held = {claim.pod.address, *((old.pod.address, *old.was) if old else ())}
    before = served(index, claim.pod, old, source.offset)
    labels = {*worn(claim.pod), *((*worn(old.pod), *old.wore) if old else ())}
    if not stale:
        was = ((*old.was, old.pod.address) if old and old.pod.address else ())[-KEPT_BEFORE:]
        # Two labels each.
        wore = ((*old.wore, *sorted(worn(old.pod))) if old else ())[-2 * KEPT_BEFORE :]
        row = GraphPodRow(
            pod=claim.pod,
            live=claim.live,
            rev=claim.rev,
            partition=claim.partition,
            since=claim.since,
            was=tuple(str(address) for address in was if address),
            wore=wore,
            shed=shed(old, claim),
            at=source.offset,
            cause=cause,
        )
        graph.put_pod(key, row)
    # Met again: what was bound here may be on disk and in no changelog, or may be lost.
    bind_again(graph, source.offset)
    now = index.pods[key]
    for name in sorted({str(each) for each in (*held, *now.pod.aliases, *now.shed) if each}):
        # Not always to this one: who was one of two that claimed it may be left alone with it.
        _bind(graph, name, source.offset)
    moved = may_move(now) if stale else moving(old, now)
    abroad = set(met_by_address(index, key, moved, ours.judging.links))
    if old is not None and not stale and is_scaled(index, old, now):
        return abroad
    # Whose label it wears is selected together with it, in his own policy and in his peers'.
    owners = {owner for label in labels for owner in index.selecting.get(label, ())}
    held |= {index.pods[owner].pod.address for owner in owners}
    held |= {index.bindings[bound].address for bound in index.bound.get(source.offset, ())}
    held |= set(now.shed)
    return before | abroad | {key} | index.peers(address for address in held if address)


def _bind(graph: Graph, address: str, at: int) -> None:
    """Bind the parked ends that name this address to the first that holds it."""
    for key in list(graph.index.naming.get(address, ())):
        row = graph.index.rules[key]
        if row.at > at:
            # Met again: the rule was said later, perhaps to park for somebody after this one.
            continue
        for end, name in row.ends():
            if name == address:
                bind_holder(graph, key, end, at)


def _change(
    graph: Graph, change: FirewallChange, source: Source, ours: Routing
) -> tuple[set[str], Outputs]:
    """Return whom a change touches, and what becomes of it if it would open too much."""
    parts = _whole(graph, change, source.offset)
    if parts is None:
        return set(), []
    at, reading = source.offset, ours.judging.reading
    verdict = _verdict(graph, parts, at, ours)
    if ours.blast_limit is not None or at in graph.index.verdicts:
        graph.put_verdict(verdict)
    if verdict.limit is None:
        return write(graph, parts, at, reading), naming_twice(graph.index, parts)
    refusal = Refusal(
        LetterReason.BLAST_LIMIT,
        f"it would open something for {verdict.opens} pods, and the limit is {verdict.limit}",
    )
    left_out = [
        Send(GRAPH_EDITS, graph.name, GraphFact(graph=graph.name, refused=each))
        for each in opening(parts, graph.index.firewalls)
    ]
    return write(graph, closing(parts), at, reading), [refusal, *left_out]


def _whole(graph: Graph, change: FirewallChange, at: int) -> list[FirewallChange] | None:
    if change.change_set is None or change.change_set.of == 1:
        return [change]
    parts = graph.index.parts
    graph.put_part(change_sets.key_of(change), change_sets.row_of(parts, change, at))
    # Met again, parts that came later may be there: they have not been said yet.
    return change_sets.collect({key: row for key, row in parts.items() if row.at <= at}, change)


def _verdict(graph: Graph, parts: Sequence[FirewallChange], at: int, ours: Routing) -> VerdictRow:
    """Decide a change once: met again, the rows may know what came later."""
    known = graph.index.verdicts.get(at)
    if known is not None:
        return known
    meant = any(part.beyond_limit for part in parts)
    # Taken in without a verdict: then there was no limit.
    taken = bool(graph.index.changed.get(at))
    if ours.blast_limit is None or meant or taken or not graph.index.gate.open:
        return VerdictRow(at=at)
    opens = blast(graph, parts, at, ours.judging, ours.blast_limit)
    return VerdictRow(
        at=at, opens=opens, limit=ours.blast_limit if opens > ours.blast_limit else None
    )


def speak(
    graph: Graph, keys: Iterable[str], source: Source, cause: Cause | None, ours: Routing
) -> Outputs:
    """Return the views of these pods as they are now; nothing before the first sync is complete."""
    if not graph.index.gate.open:
        return []
    outputs: Outputs = []
    for key in keys:
        if graph.index.pods[key].pod.service is not None:
            continue
        view = _view(graph, graph.index.pods[key], source, cause, ours)
        if len(view.allowances) > MOST_PEERS:
            outputs.append(Refusal(LetterReason.TOO_MANY_PEERS, f"{key}: {len(view.allowances)}"))
        else:
            outputs.append(Send(POD_RULES, key, view))
    return outputs


def _view(
    graph: Graph, row: GraphPodRow, source: Source, cause: Cause | None, ours: Routing
) -> PodRules:
    resolved = resolve(graph.index, row.pod, ours.judging) if row.live else Resolved()
    return PodRules(
        graph=graph.name,
        subject=row.pod,
        gone=not row.live,
        revision=source.offset,
        epoch=ours.epoch,
        allowances=resolved.allowances,
        outside=resolved.outside,
        inexact=resolved.inexact,
        cause=cause or row.cause,
    )


def _mark(graph: Graph, mark: Mark, source: Source, ours: Routing) -> Outputs:
    if mark.kind is MarkKind.BARRIER:
        return _barrier(graph, mark, ours)
    gate = graph.index.gate
    # Met again, and the rows may know of a later listing by now.
    opened_here = gate.epoch == ours.epoch and gate.opened_at == source.offset
    if mark.epoch < ours.epoch or (_older(mark, gate) and not opened_here):
        return []
    if not opened_here:
        gate = _after(gate, mark, source, ours)
    # Unchanged as well: after a kill the row may be on disk and in no changelog.
    graph.put_gate(gate)
    first = gate.opened_at == source.offset
    everybody = sorted(graph.index.pods) if first else []
    views = speak(graph, everybody, source, source.cause(), ours)
    listed = len(gate.lists.get(mark.cluster, ())) == ours.partitions
    synced = first or (gate.open and listed)
    if not synced:
        return views
    return [*views, *_everywhere(graph, mark, ours), *_framed(graph, source, ours)]


def _framed(graph: Graph, source: Source, ours: Routing) -> Outputs:
    gate = graph.index.gate
    again = 0 < gate.framed == source.at
    if not again and not is_due(gate, source.at, ours.frame_seconds):
        return []
    graph.put_gate(gate.model_copy(update={"framed": source.at}))
    parts = frame(graph.name, graph.index, source.offset)
    return [Send(KEY_FRAMES, graph.name, part) for part in parts]


def _after(gate: GateRow, mark: Mark, source: Source, ours: Routing) -> GateRow:
    if gate.epoch != ours.epoch:
        kept = gate.model_dump(include={"forgotten", "raised_below", "framed"})
        gate = GateRow(epoch=ours.epoch, **kept)
    gate, judged = _seen(gate, mark), ours.judging.digest
    told = gate.open and gate.judged == judged
    if told or not (gate.open or _ready(gate, ours)):
        return gate
    opened = {"open": True, "opened_at": source.offset, "judged": judged}
    return gate.model_copy(update=opened)


def _older(mark: Mark, gate: GateRow) -> bool:
    newest = gate.listing.get(mark.cluster, (-1, -1))
    return mark.started is not None and mark.started.order < tuple(newest)


def _seen(gate: GateRow, mark: Mark) -> GateRow:
    if mark.started is None:
        return gate.model_copy(update={"read": True})
    again = mark.started.order == tuple(gate.listing.get(mark.cluster, ()))
    seen = {*(gate.lists.get(mark.cluster, ()) if again else ()), mark.partition}
    return gate.model_copy(
        update={
            "lists": {**gate.lists, mark.cluster: sorted(seen)},
            "listing": {**gate.listing, mark.cluster: mark.started.order},
        }
    )


def _ready(gate: GateRow, ours: Routing) -> bool:
    listed = (len(gate.lists.get(cluster, ())) == ours.partitions for cluster in ours.clusters)
    return gate.read and all(listed)


def _everywhere(graph: Graph, mark: Mark, ours: Routing) -> Outputs:
    """Return "all views up to here were sent", once for every partition of the compilers."""
    changes = {"kind": MarkKind.SYNCED, "graph": graph.name, "epoch": ours.epoch}
    return _copies(graph, mark.model_copy(update=changes), ours)


def _copies(graph: Graph, mark: Mark, ours: Routing) -> Outputs:
    return [
        Send(POD_RULES, f"mark-{partition}", PodRules(graph=graph.name, mark=mark), partition)
        for partition in range(ours.partitions)
    ]


def _barrier(graph: Graph, mark: Mark, ours: Routing) -> Outputs:
    before = graph.index.gate.barriers.get(mark.id, ())
    seen = seen_with(before, mark, ours.clusters, ours.partitions)
    kept = {**graph.index.gate.barriers, mark.id: seen}
    newest = dict(list(kept.items())[-KEPT_BARRIERS:])
    graph.put_gate(graph.index.gate.model_copy(update={"barriers": newest}))
    if len(seen) < ours.partitions * len(ours.clusters) + 1:
        return []
    return _copies(graph, mark.model_copy(update={"graph": graph.name}), ours)
