"""What becomes of an allowance between two clusters, of which neither can select the other's pods.

Each cluster gets its own half: the pods there by their labels, the other side by addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from streams.flow.index import GraphIndex
from streams.records.reasons import InexactReason
from streams.records.views import Allowance, Direction, Errs, Inexactness, PodRef

Networks = tuple[str, ...]


class Link(NamedTuple):
    """How packets get from one cluster to another; None: with the pods' own addresses.

    ``seen`` is from where they arrive, ``dialled`` to where they are sent.
    """

    source: str
    destination: str
    seen: Networks | None = None
    dialled: Networks | None = None

    def side(self, direction: Direction) -> Networks | None:
        """Return where a subject meets its peer, from the subject's point of view."""
        return self.seen if direction is Direction.INGRESS else self.dialled


class Crossed(NamedTuple):
    """An allowance with where its peer is met; None: nothing is written; and what that changes."""

    allowance: Allowance | None
    inexact: tuple[Inexactness, ...] = ()


def crossed(
    index: GraphIndex, subject: PodRef, allowance: Allowance, links: Iterable[Link], strict: bool
) -> Crossed:
    """Return what of an allowance is written where its peer is in another cluster.

    Strictly, nothing is where others share the peer's address. An address that is claimed more than
    once is not written at all: it might be that of a pod nearby.
    """
    direction = allowance.direction
    link = _between(links, subject.cluster, allowance.peer.cluster, direction)
    if link is None:
        return Crossed(allowance)
    if (shared := link.side(direction)) is not None:
        errs = Errs.NARROWER if strict else Errs.WIDER
        report = _report(subject, allowance, ", ".join(shared), errs)
        return Crossed(None if strict else _at(shared, allowance), (report,))
    peer = index.pods[allowance.peer.key].pod
    if peer.identity is None:
        return Crossed(_at((f"{peer.address}/32",), allowance))
    taken = [each for each in peer.aliases if not index.is_only(each, peer.key)]
    own = tuple(f"{each}/32" for each in peer.aliases if each not in taken)
    reports = tuple(_report(subject, allowance, each, Errs.NARROWER) for each in taken)
    return Crossed(_at(own, allowance) if own else None, reports)


def met_by_address(
    index: GraphIndex, key: str, moved: Iterable[str], links: Iterable[Link]
) -> Iterator[str]:
    """Yield whose view, in another cluster, names addresses that just changed hands."""
    routed = {
        cluster
        for each in links
        for cluster, side in ((each.source, each.seen), (each.destination, each.dialled))
        if side is None
    }
    changed = list(moved) if routed else []
    claimants = {other for each in changed for other in index.aliases.get(each, ())}
    for each in {key, *claimants} if changed else ():
        pod = index.pods[each].pod
        if pod.address and pod.cluster in routed:
            peers = index.peers([pod.address])
            yield from (one for one in peers if index.pods[one].pod.cluster != pod.cluster)


def dials_pods(links: Iterable[Link], source: str, destination: str) -> bool:
    """Tell whether one cluster is said to send to the very addresses of the other's pods."""
    link = _between(links, source, destination, Direction.EGRESS)
    return link is not None and link.dialled is None


def met_at(links: Iterable[Link], here: str, there: str, direction: Direction) -> Networks | None:
    """Return where one of this cluster meets one of another; None: at its own address."""
    link = _between(links, here, there, direction)
    return link.side(direction) if link is not None else None


def _at(networks: Networks, allowance: Allowance) -> Allowance:
    return allowance.model_copy(update={"seen_at": networks})


def _between(links: Iterable[Link], here: str, there: str, direction: Direction) -> Link | None:
    pair = (there, here) if direction is Direction.INGRESS else (here, there)
    return next((each for each in links if (each.source, each.destination) == pair), None)


def _report(subject: PodRef, allowance: Allowance, address: str, errs: Errs) -> Inexactness:
    ends = (address, subject.key)
    source, destination = ends if allowance.direction is Direction.INGRESS else reversed(ends)
    return Inexactness(
        rule=f"{allowance.direction} {allowance.peer.key}",
        errs=errs,
        reason=InexactReason.SHARED_ADDRESS,
        example=f"{_ports(allowance)} {source} -> {destination}",
    )


def _ports(allowance: Allowance) -> str:
    said = (f"{each.protocol} {each.first}-{each.last}" for each in allowance.ports)
    return "everything" if allowance.everything else ", ".join(said)
