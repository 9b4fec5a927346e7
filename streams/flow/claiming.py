"""What a claim changes besides the row of who makes it."""

from __future__ import annotations

from collections.abc import Iterable

from streams.flow.graph_rows import GraphPodRow
from streams.flow.index import GraphIndex
from streams.flow.output import Outputs, Refusal
from streams.records.facts import FirewallChange, PodClaim
from streams.records.reasons import LetterReason
from streams.records.views import PodRef


def clashing(index: GraphIndex, claim: PodClaim) -> Outputs:
    """Refuse a claim of an address that another cluster has as well.

    Clusters give their Services the same addresses as a rule: those are refused to rules only.
    """
    address = str(claim.pod.address)
    if not claim.live or not index.clash(address):
        return []
    of_services = all(index.pods[key].pod.service is not None for key in index.claims[address])
    return [] if of_services and not index.named(address) else _twice(index, [address])


def naming_twice(index: GraphIndex, said: Iterable[FirewallChange]) -> Outputs:
    """Refuse the ends of rules that name an address which two clusters have."""
    rules = [rule for each in said for rule in (*(each.elements or ()), *each.added)]
    names = sorted({end for rule in rules for end in (rule.source, rule.destination)})
    twice = [name for name in names if index.clash(name)]
    return _twice(index, twice) if twice else []


def _twice(index: GraphIndex, addresses: Iterable[str]) -> Outputs:
    each = [f"{one} is claimed by {' and '.join(sorted(index.claims[one]))}" for one in addresses]
    return [Refusal(LetterReason.ADDRESS_TWICE, "; ".join(each)[:400])]


def shed(old: GraphPodRow | None, claim: PodClaim) -> tuple[str, ...]:
    """Return the aliases that a claim takes from an identity."""
    had = old.pod.aliases if old is not None and old.live else ()
    kept = claim.pod.aliases if claim.live else ()
    return tuple(sorted(set(had).difference(kept)))


def moving(old: GraphPodRow | None, new: GraphPodRow) -> set[str]:
    """Return the addresses, own and further ones, that a claim gives or takes."""
    return _claimed(old) ^ _claimed(new)


def may_move(row: GraphPodRow) -> set[str]:
    """Return those that a claim may have given or taken when it was met first."""
    return {str(each) for each in (row.pod.address, *row.pod.aliases, *row.was, *row.shed) if each}


def _claimed(row: GraphPodRow | None) -> set[str]:
    if row is None or not row.live:
        return set()
    return {str(each) for each in (row.pod.address, *row.pod.aliases) if each}


def is_scaled(index: GraphIndex, old: GraphPodRow, new: GraphPodRow) -> bool:
    """Tell whether nothing but aliases changed, and no rule names one of those."""
    changed = set(old.pod.aliases).symmetric_difference(new.pod.aliases)
    if not changed or any(index.naming.get(alias) for alias in changed):
        return False
    same = old.live == new.live and old.since == new.since
    return same and old.pod.without_aliases() == new.pod.without_aliases()


def served(index: GraphIndex, pod: PodRef, old: GraphPodRow | None, at: int) -> set[str]:
    """Return whose view may depend on which pods stood behind which Service before a claim.

    Met again, nobody knows that any more: then it is all those nearby.
    """
    home = f"{pod.cluster}/{pod.namespace}"
    if pod.service is not None:
        # Met again, the row says it already; what it had before is in `was` and `shed`.
        had = (old.pod.address, *old.was, *old.shed) if old else ()
        named = any(index.named(str(address)) for address in (pod.address, *had) if address)
        return set(index.living.get(home, ())) if named else set()
    if old is not None and at <= old.at:
        services = [index.pods[key].pod for key in index.services.get(home, ())]
    else:
        services = list(index.served_by(old.pod)) if old is not None else []
    return index.peers(str(service.address) for service in services if service.address)
