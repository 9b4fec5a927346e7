"""Resolve one graph's pods and rules, in their one order, into the view of every pod concerned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import NamedTuple

from streams.flow import change_sets
from streams.flow.framing import frame, is_due
from streams.flow.graph_rows import (
    BindingRow,
    FirewallRow,
    GateRow,
    GraphPodRow,
    GraphRow,
    PartRow,
    PodsRow,
    RuleRow,
    SaidRow,
)
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging
from streams.flow.output import KEY_FRAMES, POD_RULES, Outputs, Refusal, Send
from streams.flow.views import Resolved, resolve
from streams.policy.selection import worn
from streams.records.addresses import is_exact
from streams.records.cause import Cause, Source
from streams.records.facts import FirewallChange, GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind
from streams.records.policies import PodRules
from streams.records.reasons import LetterReason
from streams.records.rules import Action, Rule
from streams.records.views import PodRef
from streams.rules.verdict import Reading

MOST_PEERS = 2500
KEPT_BARRIERS = 16
KEPT_BEFORE = 4
# Places beyond those of any whole list, and how many one change may take of them.
BEHIND_ALL = 1_000_000_000
MOST_SAID = 100_000

PodRows = MutableMapping[str, PodsRow]
GraphRows = MutableMapping[str, GraphRow]


class Routing(NamedTuple):
    """What the router must know of its surroundings; a key frame comes every so many seconds."""

    partitions: int
    epoch: int
    clusters: tuple[str, ...]
    judging: Judging = Judging()
    frame_seconds: float = 10_800


class Graph:
    """One graph's rows together with their index: what is put in one is put in the other."""

    def __init__(self, name: str, pods: PodRows, rows: GraphRows) -> None:
        self.name = name
        self.pods = pods
        self.rows = rows
        self.index = GraphIndex.of(name, pods, rows)

    def put_pod(self, key: str, row: GraphPodRow) -> None:
        """Store a pod's row, then index it."""
        self.pods[f"{self.name}|{key}"] = PodsRow(pod=row)
        self.index.put_pod(key, row)

    def put_binding(self, row: BindingRow) -> None:
        """Store to whom an end of a rule is bound, then index it."""
        self.pods[f"{self.name}|{row.key}"] = PodsRow(binding=row)
        self.index.put_binding(row)

    def put_rule(self, key: str, row: RuleRow) -> None:
        """Store a rule's row, then index it."""
        self.rows[f"{self.name}|{key}"] = GraphRow(rule=row)
        self.index.put_rule(key, row)

    def put_firewall(self, row: FirewallRow) -> None:
        """Store what a firewall is besides its rules."""
        self.rows[f"{self.name}|{row.firewall}|"] = GraphRow(firewall=row)
        self.index.put_firewall(row)

    def put_gate(self, gate: GateRow) -> None:
        """Store what of the first sync was seen."""
        self.rows[f"{self.name}|"] = GraphRow(gate=gate)
        self.index.gate = gate

    def put_part(self, key: str, row: PartRow) -> None:
        """Keep one part of a change set."""
        self.rows[f"{self.name}|{key}"] = GraphRow(part=row)
        self.index.parts[key] = row

    def put_said(self, row: SaidRow) -> None:
        """Remember which firewall change one fact was."""
        self.rows[f"{self.name}|said|{row.at}"] = GraphRow(said=row)
        self.index.put_said(row)


def handle(graph: Graph, fact: GraphFact, source: Source, ours: Routing) -> Outputs:
    """Return the views that one fact changes; nothing before the first sync is complete."""
    if fact.mark is not None:
        return _mark(graph, fact.mark, source, ours)
    touched: set[str] = set()
    if fact.claim is not None:
        touched = _claim(graph, fact.claim, source, fact.cause)
    elif fact.change is not None and not _said_before(graph.index, fact, source):
        touched = _change(graph, fact.change, source, ours)
        if fact.rev is not None:
            # Last: a kill before this makes it all happen again.
            partition, rev = fact.rev
            said = SaidRow(partition=partition, rev=rev, at=source.offset, origin=fact.origin)
            graph.put_said(said)
    return speak(graph, sorted(touched), source, fact.cause, ours)


def forget(graph: Graph, committed: int) -> None:
    """Drop what only a replay below the committed offset could ask for."""
    _forget_pods(graph, committed)
    for key, rule in list(graph.index.rules.items()):
        if rule.dropped and rule.at < committed:
            graph.rows.pop(f"{graph.name}|{key}", None)
            graph.index.drop_rule(key)
    _forget_bindings(graph, committed)
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


def _claim(graph: Graph, claim: PodClaim, source: Source, cause: Cause | None) -> set[str]:
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
    before = _served(index, claim.pod, old, source.offset)
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
            at=source.offset,
            cause=cause,
        )
        graph.put_pod(key, row)
    # Met again: what was bound here may be on disk and in no changelog, or may be lost.
    _bind_again(graph, source.offset)
    now = index.pods[key].pod
    if index.holds(now):
        _bind(graph, now, source.offset)
    # Whose label it wears is selected together with it, in his own policy and in his peers'.
    owners = {owner for label in labels for owner in index.selecting.get(label, ())}
    held |= {index.pods[owner].pod.address for owner in owners}
    return before | {key} | index.peers(address for address in held if address)


def _served(index: GraphIndex, pod: PodRef, old: GraphPodRow | None, at: int) -> set[str]:
    """Return whose view may depend on which pods stood behind which Service before a claim.

    Met again, nobody knows that any more: then it is all those nearby.
    """
    home = f"{pod.cluster}/{pod.namespace}"
    if pod.service is not None:
        addresses = {str(each) for each in (pod.address, old and old.pod.address) if each}
        named = any(index.naming.get(address) for address in addresses)
        return set(index.living.get(home, ())) if named else set()
    if old is not None and at <= old.at:
        services = [index.pods[key].pod for key in index.services.get(home, ())]
    else:
        services = list(index.served_by(old.pod)) if old is not None else []
    return index.peers(str(service.address) for service in services if service.address)


def _bind(graph: Graph, pod: PodRef, at: int) -> None:
    """Bind the parked ends that name this address to the first pod that holds it."""
    for key in list(graph.index.naming.get(str(pod.address), ())):
        row = graph.index.rules[key]
        if row.at > at:
            # Met again: the rule was said later, perhaps to park for somebody after this pod.
            continue
        for end, name in row.ends():
            if name == pod.address:
                _bind_end(graph, BindingRow(rule=key, said=row.at, end=end, uid=pod.uid, at=at))


def _bind_end(graph: Graph, binding: BindingRow) -> None:
    if binding.key not in graph.index.bindings:
        graph.put_binding(binding)


def _bind_again(graph: Graph, at: int) -> None:
    for key in sorted(graph.index.bound.get(at, ())):
        graph.put_binding(graph.index.bindings[key])


def _change(graph: Graph, change: FirewallChange, source: Source, ours: Routing) -> set[str]:
    if change.change_set is not None and change.change_set.of > 1:
        graph.put_part(change_sets.key_of(change), PartRow(change=change, at=source.offset))
    parts = change_sets.collect(graph.index.parts, change)
    if parts is None:
        return set()
    everybody, moved = False, set[str]()
    for name in sorted({part.firewall for part in parts}):
        mine = [part for part in parts if part.firewall == name]
        known = graph.index.firewalls.get(name)
        said = _firewall(known, name, mine, source.offset)
        _write_rules(graph, mine, said)
        everybody |= _write_firewall(graph, said)
        owners = {said.owner, known.owner if known else ""}
        if ours.judging.reading is Reading.EVERY_HOP and len(owners) > 1:
            moved |= graph.index.owned(owners)
    if everybody:
        return set(graph.index.pods)
    changed = graph.index.changed.get(source.offset, set())
    return moved | {pod for key in changed for pod in graph.index.ends(graph.index.rules[key])}


def _firewall(
    known: FirewallRow | None, name: str, mine: list[FirewallChange], at: int
) -> FirewallRow:
    """Return what the firewall is by this change: as it was, where rules only come and go."""
    row = FirewallRow(firewall=name) if known is None or _is_whole(mine) else known
    said: dict[str, object] = {"at": at}
    for part in mine if not mine[-1].gone else ():
        said |= {} if part.default_action is None else {"default_action": part.default_action}
        said |= {} if part.ordered is None else {"ordered": part.ordered}
        said |= {} if part.owner is None else {"owner": part.owner}
    return row.model_copy(update=said)


def _is_whole(mine: list[FirewallChange]) -> bool:
    return mine[-1].gone or any(part.elements is not None for part in mine)


def _write_firewall(graph: Graph, new: FirewallRow) -> bool:
    """Store what a firewall is besides its rules; tell whether that touches everybody."""
    old = graph.index.firewalls.get(new.firewall)
    if old is not None and old.at >= new.at:
        if old.at == new.at:
            graph.put_firewall(old)
        return old.at == new.at
    if old is not None and old == new.model_copy(update={"at": old.at}):
        return False
    graph.put_firewall(new)
    known = (old.default_action, old.ordered) if old else (Action.DENY, new.ordered)
    return known != (new.default_action, new.ordered)


def _write_rules(graph: Graph, mine: list[FirewallChange], said: FirewallRow) -> None:
    """Store the rules that come, mark the rules that go; newer rows are left alone."""
    index, name, at = graph.index, said.firewall, said.at
    whole = _is_whole(mine)
    wanted = dict(_said_rules(mine, whole, said))
    removed = {key for part in mine for rule in part.removed for key in _places(index, name, rule)}
    holders = {address: uid for part in mine for address, uid in part.holders.items()}
    # Only a whole list is held against all that is known: a delta costs what it says.
    leaving = index.rules_of(name) if whole else removed
    # A replay: after a kill these rows may be on disk and in no changelog.
    _bind_again(graph, at)
    for key in sorted(index.changed.get(at, ())):
        graph.put_rule(key, index.rules[key])
    for key in sorted(leaving - wanted.keys()):
        known = index.rules.get(key)
        if known is not None and not known.dropped and known.at < at:
            graph.put_rule(key, known.model_copy(update={"dropped": True, "at": at}))
    for key, row in wanted.items():
        known = index.rules.get(key)
        # Taken away and given again in one breath is a new rule: it binds to today's holders.
        fresh = known is None or known.dropped or key in removed
        if fresh and (known is None or known.at < at):
            graph.put_rule(key, row)
        if index.rules[key].at == at:
            _bind_rule(graph, key, holders)


def _said_rules(
    mine: list[FirewallChange], whole: bool, said: FirewallRow
) -> Iterator[tuple[str, RuleRow]]:
    """Yield a row for each rule that is to stand: a place is said by a whole ordered list only."""
    rules = [rule for part in mine for rule in (*(part.elements or ()), *part.added)]
    for number, rule in enumerate(rules, 1):
        place = number if said.ordered else 0
        key = rule_key(said.firewall, rule, place if whole else 0)
        if said.ordered and not whole:
            # Behind everything that was said before.
            place += BEHIND_ALL + said.at * MOST_SAID
        yield key, RuleRow(firewall=said.firewall, rule=rule, place=place, at=said.at)


def _places(index: GraphIndex, firewall: str, rule: Rule) -> Iterator[str]:
    """Yield the keys of a rule wherever it stands: in an ordered list it has a place."""
    exact = [end for end in (rule.source, rule.destination) if is_exact(end)]
    for key in index.naming[exact[0]] if exact else index.wild:
        if index.rules[key].firewall == firewall and index.rules[key].rule == rule:
            yield key


def rule_key(firewall: str, rule: Rule, place: int) -> str:
    """Return the key of a rule's row: the same rule twice in an unordered list is one."""
    text = rule.model_dump_json(exclude_defaults=False)
    return f"{firewall}|{place:05d}|{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def _bind_rule(graph: Graph, key: str, holders: Mapping[str, str]) -> None:
    """Bind a rule's exact ends to whom it is said for, or to who holds the addresses now."""
    row = graph.index.rules[key]
    for end, name in row.ends():
        holder = graph.index.holder(name)
        uid = holders.get(name) or (holder.uid if holder else None)
        if uid and is_exact(name):
            _bind_end(graph, BindingRow(rule=key, said=row.at, end=end, uid=uid, at=row.at))


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
    gate = _seen(gate, mark)
    if gate.open or not _ready(gate, ours):
        return gate
    return gate.model_copy(update={"open": True, "opened_at": source.offset})


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
    seen = sorted({*graph.index.gate.barriers.get(mark.id, ()), mark.partition})
    kept = {**graph.index.gate.barriers, mark.id: seen}
    newest = dict(list(kept.items())[-KEPT_BARRIERS:])
    graph.put_gate(graph.index.gate.model_copy(update={"barriers": newest}))
    if len(seen) < ours.partitions + 1:
        return []
    return _copies(graph, mark.model_copy(update={"graph": graph.name}), ours)
