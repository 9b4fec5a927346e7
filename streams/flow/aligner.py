"""Keep which pods a graph should have nodes for; making it so is left to the aligner's hands."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

from streams.graph.wanted import Owner
from streams.records.base import Record
from streams.records.cause import Source
from streams.records.facts import GraphFact, PodClaim


class ClaimRow(Record):
    """One pod's newest claim on a node of one graph."""

    claim: PodClaim
    at: int = -1


Rows = MutableMapping[str, ClaimRow]


def remember(rows: Rows, fact: GraphFact, source: Source) -> bool:
    """Store the claim of one fact; tell whether it says anything new of the graph."""
    if fact.claim is None:
        return False
    key = f"{fact.graph}|{fact.claim.pod.key}"
    known = rows.get(key)
    if known is not None and fact.claim.rev < known.claim.rev:
        return False
    rows[key] = ClaimRow(claim=fact.claim, at=source.offset)
    return known is None or _node(known.claim) != _node(fact.claim)


def wanted_owners(rows: Mapping[str, ClaimRow], graph: str) -> dict[str, Owner]:
    """Return address → owner of the nodes the graph should have: the latest claim holds."""
    holders: dict[str, PodClaim] = {}
    for key, row in rows.items():
        claim, address = row.claim, row.claim.pod.address
        if not key.startswith(f"{graph}|") or not claim.live or address is None:
            continue
        known = holders.get(address)
        if known is None or _age(known) < _age(claim):
            holders[address] = claim
    return {address: Owner(f"{claim.pod.key}", claim.pod.uid) for address, claim in holders.items()}


def _node(claim: PodClaim) -> tuple[object, ...]:
    return (claim.live, claim.pod.uid, claim.pod.address)


def _age(claim: PodClaim) -> tuple[tuple[int, int], int, str]:
    return (claim.since.order if claim.since else (-1, -1), claim.rev, claim.pod.uid)
