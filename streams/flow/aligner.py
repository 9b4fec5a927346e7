"""Keep what a graph should be and what Verefoo said last; the rest is left to the hands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, MutableMapping
from types import MappingProxyType
from typing import NamedTuple

from pydantic import Field

from streams.flow.barriers import seen_with
from streams.graph.wanted import Owner, owner_of, whole
from streams.records.base import Record
from streams.records.cause import Source
from streams.records.facts import FirewallChange, GraphFact, Place, PodClaim
from streams.records.marks import Mark, MarkKind
from streams.records.rules import Action, Rule

KEPT_BARRIERS = 16
KEPT_GONE = 1000
KEPT_REFUSED = 100
FORGET_EVERY = 500


class SaidRule(Record):
    """A rule Verefoo said, and the uids of the pods it was meant for, by address."""

    firewall: str
    rule: Rule
    holders: dict[str, str] = Field(default_factory=dict)


class SaidDefault(Record):
    """A firewall Verefoo said there is, its default, and the uid of the pod it stands before."""

    firewall: str
    action: Action
    owner: str = ""


class Progress(Record):
    """What of the marks was seen.

    ``listing`` is the newest listing per cluster, ``lists`` the partitions whose end of it came,
    ``listed`` the clusters that were once complete: from then on, who has no claim is gone.
    """

    epoch: int = 0
    lists: dict[str, list[int]] = Field(default_factory=dict)
    listing: dict[str, tuple[int, int]] = Field(default_factory=dict)
    listed: tuple[str, ...] = ()
    barriers: dict[str, list[int]] = Field(default_factory=dict)


class Newest(Record):
    """How far the gate had read firewall-changes when it said the last change."""

    partition: int
    rev: int


class AlignerRow(Record):
    """One row of ``graphs``: exactly one of these, and the offset that last changed it."""

    claim: PodClaim | None = None
    rule: SaidRule | None = None
    default: SaidDefault | None = None
    part: FirewallChange | None = None
    refused: FirewallChange | None = None
    place: Place | None = None
    newest: Newest | None = None
    progress: Progress | None = None
    at: int = -1


class Aligning(NamedTuple):
    """What the aligner must know of its surroundings."""

    partitions: int
    epoch: int
    clusters: tuple[str, ...]


class Said(NamedTuple):
    """What one firewall said: its default, who every rule was meant for, and whose it is."""

    default: Action
    rules: Mapping[Rule, Mapping[str, str]]
    owner: str = ""


Rows = MutableMapping[str, AlignerRow]


def remember(rows: Rows, fact: GraphFact, source: Source, ours: Aligning) -> bool:
    """Store what one fact says; tell whether the graph may have to change."""
    if source.offset % FORGET_EVERY == FORGET_EVERY - 1:
        _forget(rows, fact.graph)
    if fact.claim is not None:
        return _claim(rows, fact.graph, fact.claim, source.offset)
    if fact.mark is not None:
        return _mark(rows, fact.graph, fact.mark, ours)
    if fact.place is not None:
        store_place(rows, fact.graph, fact.place)
    if fact.refused is not None:
        _note_refused(rows, fact.graph, fact.refused, source.offset)
    if fact.change is not None and not _said_before(rows, fact, source):
        store_change(rows, fact.graph, fact.change)
        _note_newest(rows, fact, source)
    return False


def is_remembered(rows: Mapping[str, AlignerRow], fact: GraphFact) -> bool:
    """Tell whether a change is one that the rows hold already, or older than that."""
    row = rows.get(_newest_key(fact))
    if row is None or row.newest is None or fact.rev is None:
        return False
    return fact.rev[1] <= row.newest.rev


def wanted_owners(
    rows: Mapping[str, AlignerRow], graph: str, subnets: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Owner]:
    """Return address → owner of the nodes the graph should have: the latest claim holds.

    A cluster that has a subnet is one node, whoever lives there.
    """
    holders: dict[str, PodClaim] = {}
    for claim in _claims(rows, graph):
        address = claim.pod.address
        if not claim.live or address is None or claim.pod.cluster in subnets:
            continue
        known = holders.get(address)
        if known is None or _age(known) < _age(claim):
            holders[address] = claim
    owners = {address: owner_of(claim.pod) for address, claim in holders.items()}
    return owners | {subnet: whole(cluster) for cluster, subnet in subnets.items()}


def left_addresses(rows: Mapping[str, AlignerRow], graph: str) -> set[str]:
    """Return the addresses of the pods that are gone."""
    gone = (claim.pod.address for claim in _claims(rows, graph) if not claim.live)
    return {address for address in gone if address is not None}


def places(rows: Mapping[str, AlignerRow], graph: str) -> dict[str, str]:
    """Return firewall → uid of the pod it stands before, or stood before and it is not gone yet."""
    prefix = f"{graph}|place|"
    found = [row.place for key, row in rows.items() if row.place and key.startswith(prefix)]
    return {place.firewall: place.uid for place in found}


def store_place(rows: Rows, graph: str, place: Place) -> None:
    """Store before whom a firewall stands."""
    key = f"{graph}|place|{place.firewall}"
    if place.uid:
        rows[key] = AlignerRow(place=place)
    else:
        rows.pop(key, None)


def store_change(rows: Rows, graph: str, change: FirewallChange) -> None:
    """Store what a polled change says, once all parts of its set are there."""
    parts = _whole_set(rows, graph, change)
    for part in parts:
        if part.gone:
            _drop_firewall(rows, graph, part.firewall)
        for rule in part.removed:
            rows.pop(_rule_key(graph, part.firewall, rule), None)
    for part in (part for part in parts if not part.gone):
        for rule in part.added:
            meant = _meant(rule, part.holders)
            said = SaidRule(firewall=part.firewall, rule=rule, holders=meant)
            rows[_rule_key(graph, part.firewall, rule)] = AlignerRow(rule=said)
        action = part.default_action or Action.DENY
        default = SaidDefault(firewall=part.firewall, action=action, owner=part.owner or "")
        rows[f"{graph}|default|{part.firewall}"] = AlignerRow(default=default)
    for part in parts:
        # What would have opened too much may have been refused before this came here.
        row = rows.get(_refused_key(graph, part))
        if row is not None and row.refused is not None:
            _take_back(rows, graph, row.refused)


def said(rows: Mapping[str, AlignerRow], graph: str) -> dict[str, Said]:
    """Return what each firewall of the graph said last, as far as it was told."""
    mine = [row for key, row in rows.items() if key.startswith(f"{graph}|")]
    found: dict[str, dict[Rule, Mapping[str, str]]] = {}
    defaults = {row.default.firewall: row.default for row in mine if row.default}
    for row in mine:
        if row.rule is not None:
            found.setdefault(row.rule.firewall, {})[row.rule.rule] = row.rule.holders
    return {
        name: Said(default.action, found.get(name, {}), default.owner)
        for name, default in defaults.items()
    }


def is_complete(rows: Mapping[str, AlignerRow], graph: str, ours: Aligning) -> bool:
    """Tell whether all live pods were claimed once: before that, a node may be anybody's."""
    progress = _progress(rows, graph)
    return progress.epoch == ours.epoch and set(ours.clusters) <= set(progress.listed)


def complete_barriers(rows: Mapping[str, AlignerRow], graph: str, ours: Aligning) -> set[str]:
    """Return the barriers that came through every partition of the pods' side."""
    barriers = _progress(rows, graph).barriers
    every = ours.partitions * len(ours.clusters)
    return {name for name, seen in barriers.items() if len(seen) >= every}


def _claims(rows: Mapping[str, AlignerRow], graph: str) -> Iterable[PodClaim]:
    prefix = f"{graph}|"
    return [row.claim for key, row in rows.items() if row.claim and key.startswith(prefix)]


def _claim(rows: Rows, graph: str, claim: PodClaim, at: int) -> bool:
    key = f"{graph}|{claim.pod.key}"
    row = rows.get(key)
    known = row.claim if row else None
    if known is not None and claim.rev < known.rev:
        return False
    rows[key] = AlignerRow(claim=claim, at=at)
    return known is None or _node(known) != _node(claim)


def _node(claim: PodClaim) -> tuple[object, ...]:
    return (claim.live, claim.pod.uid, claim.pod.address)


def _age(claim: PodClaim) -> tuple[tuple[int, int], int, str]:
    return (claim.since.order if claim.since else (-1, -1), claim.rev, claim.pod.uid)


def _said_before(rows: Rows, fact: GraphFact, source: Source) -> bool:
    """Tell whether a gate that began again says an old change once more."""
    row = rows.get(_newest_key(fact))
    # A fact met again is put again: after a kill its rows may be on disk and in no changelog.
    return is_remembered(rows, fact) and row is not None and source.offset > row.at


def _note_newest(rows: Rows, fact: GraphFact, source: Source) -> None:
    if fact.rev is not None:
        newest = Newest(partition=fact.rev[0], rev=fact.rev[1])
        rows[_newest_key(fact)] = AlignerRow(newest=newest, at=source.offset)


def _newest_key(fact: GraphFact) -> str:
    return f"{fact.graph}|newest|{fact.rev[0] if fact.rev else ''}"


def _note_refused(rows: Rows, graph: str, refused: FirewallChange, at: int) -> None:
    rows[_refused_key(graph, refused)] = AlignerRow(refused=refused, at=at)
    _take_back(rows, graph, refused)


def _take_back(rows: Rows, graph: str, refused: FirewallChange) -> None:
    """Forget that Verefoo said what is not in force: it is to be told again."""
    for rule in refused.added:
        rows.pop(_rule_key(graph, refused.firewall, rule), None)
    for rule in refused.removed:
        # Only a DENY is not taken away, and that was meant for nobody.
        kept = SaidRule(firewall=refused.firewall, rule=rule)
        rows[_rule_key(graph, refused.firewall, rule)] = AlignerRow(rule=kept)
    row = rows.get(key := f"{graph}|default|{refused.firewall}")
    if refused.default_action is not None and row is not None and row.default is not None:
        denying = row.default.model_copy(update={"action": Action.DENY})
        rows[key] = AlignerRow(default=denying)


def _refused_key(graph: str, part: FirewallChange) -> str:
    belongs = part.change_set
    return f"{graph}|refused|{belongs.id if belongs else ''}|{belongs.part if belongs else 1}"


def _forget(rows: Rows, graph: str) -> None:
    """Drop what went or was refused longest ago: it is kept for what comes too late."""
    gone, refused = list[tuple[int, str]](), list[tuple[int, str]]()
    for key, row in list(rows.items()):
        if key.startswith(f"{graph}|") and row.claim and not row.claim.live:
            gone.append((row.at, key))
        elif key.startswith(f"{graph}|") and row.refused:
            refused.append((row.at, key))
    for _, key in (*sorted(gone)[:-KEPT_GONE], *sorted(refused)[:-KEPT_REFUSED]):
        del rows[key]


def _whole_set(rows: Rows, graph: str, change: FirewallChange) -> list[FirewallChange]:
    """Return the set that this part completes; keep the part and return nothing until then."""
    # As the router does: a set that never became whole has said nothing to either.
    if change.change_set is None or change.change_set.of == 1:
        return [change]
    prefix = f"{graph}|set|{change.change_set.id}|"
    rows[f"{prefix}{change.change_set.part}"] = AlignerRow(part=change)
    keys = [f"{prefix}{part + 1}" for part in range(change.change_set.of)]
    stored = [row.part for row in (rows.get(key) for key in keys) if row and row.part]
    if len(stored) < len(keys):
        return []
    for key in keys:
        del rows[key]
    return stored


def _drop_firewall(rows: Rows, graph: str, firewall: str) -> None:
    rules = f"{graph}|rule|{firewall}|"
    for key in [key for key in rows if key.startswith(rules)]:
        del rows[key]
    rows.pop(f"{graph}|default|{firewall}", None)


def _rule_key(graph: str, firewall: str, rule: Rule) -> str:
    digest = hashlib.sha256(rule.model_dump_json().encode()).hexdigest()[:20]
    return f"{graph}|rule|{firewall}|{digest}"


def _meant(rule: Rule, holders: Mapping[str, str]) -> dict[str, str]:
    return {end: holders[end] for end in (rule.source, rule.destination) if end in holders}


def _progress(rows: Mapping[str, AlignerRow], graph: str) -> Progress:
    row = rows.get(f"{graph}|")
    return (row.progress if row else None) or Progress()


def _mark(rows: Rows, graph: str, mark: Mark, ours: Aligning) -> bool:
    progress = _progress(rows, graph)
    if mark.kind is MarkKind.BARRIER:
        new = _with_barrier(progress, mark, ours)
    elif mark.kind is MarkKind.LIST_COMPLETE and mark.epoch >= ours.epoch:
        new = _with_listing(progress, mark, ours)
    else:
        return False
    rows[f"{graph}|"] = AlignerRow(progress=new)
    return new != progress


def _with_barrier(progress: Progress, mark: Mark, ours: Aligning) -> Progress:
    before = progress.barriers.get(mark.id, ())
    seen = seen_with(before, mark, ours.clusters, ours.partitions)
    kept = {**progress.barriers, mark.id: seen}
    return progress.model_copy(update={"barriers": dict(list(kept.items())[-KEPT_BARRIERS:])})


def _with_listing(progress: Progress, mark: Mark, ours: Aligning) -> Progress:
    if progress.epoch != ours.epoch:
        progress = Progress(epoch=ours.epoch, barriers=progress.barriers)
    order = mark.started.order if mark.started else (-1, -1)
    newest = tuple(progress.listing.get(mark.cluster, (-1, -1)))
    if order < newest:
        return progress
    seen = {*(progress.lists.get(mark.cluster, ()) if order == newest else ()), mark.partition}
    whole = {mark.cluster} if len(seen) >= ours.partitions else set()
    return progress.model_copy(
        update={
            "lists": {**progress.lists, mark.cluster: sorted(seen)},
            "listing": {**progress.listing, mark.cluster: order},
            "listed": tuple(sorted({*progress.listed, *whole})),
        }
    )
