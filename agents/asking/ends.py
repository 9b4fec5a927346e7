"""Find who is meant by an end of a question: a pod, an identity, a Service, or an address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any, NamedTuple

from agents.asking.reaching import pod_named
from agents.asking.rows import Rows
from agents.asking.stored import ON_HOST, Stored
from agents.asking.view import short
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging
from streams.policy.reach import outsider, selects
from streams.records.views import SERVICE, PodRef
from streams.rules.spaces import around, minus

Json = Mapping[str, Any]
OUTSIDE = "an address outside, which no policy closes"
UNMEANT = f"{OUTSIDE}; no rule can mean it as long as `cluster.pod_ranges` does not say so"


class Known(NamedTuple):
    """What answers are made of: all workers' rows, what one cluster stores, how rules are read."""

    rows: Rows
    stored: Stored
    judging: Judging
    known: bool = True
    """Whether the cluster has said what it stores."""


class Peer(NamedTuple):
    """A pod, or an address, as policies see it; ``elsewhere`` says why none of its own is known."""

    name: str
    address: str
    pod: Json
    elsewhere: str = ""


class End(NamedTuple):
    """Whom a name means: several pods where it is an identity's or a Service's."""

    name: str
    peers: tuple[Peer, ...]
    service: PodRef | None = None


def find_end(known: Known, name: str) -> End:
    """Return who is meant; raise ValueError if it is nobody, or not clear."""
    own = known.rows.key(short(name)) == name
    if pod := pod_named(known.stored, short(name) if own else name):
        return End(pod, (pod_peer(known, pod),))
    for key in known.stored.on_host:
        if name in (key, short(key)):
            raise ValueError(f"{key} {ON_HOST}: nothing can be said of it")
    found = _by_address(known, name) if _is_address(name) else _by_key(known, name)
    if found is None:
        raise ValueError(f"no pod, identity or Service {name!r} is known; an address can be asked")
    return found


def pod_peer(known: Known, name: str) -> Peer:
    """Return a stored pod as somebody who sends or takes."""
    pod = known.stored.pods[name]
    return Peer(name, str(pod["status"]["podIP"]), pod)


def holder(rows: Rows, index: GraphIndex, peer: Peer) -> PodRef | None:
    """Return whom a graph takes this for: a pod, or the identity that it is of; None: nobody."""
    own = index.pods.get(rows.stands_for(peer.name))
    if own is not None and own.live and index.holds(own.pod):
        # Also where the pod's own address is claimed by several identities.
        found: PodRef | None = own.pod
    else:
        found = index.holder(peer.address)
    if found is None or found.service is not None:
        return None
    is_it = found.identity is not None or found.uid == peer.pod["metadata"]["uid"]
    return found if is_it or peer.elsewhere else None


def _by_address(known: Known, address: str) -> End:
    for name, pod in known.stored.pods.items():
        if pod["status"]["podIP"] == address:
            return End(name, (pod_peer(known, name),))
    for index in known.rows.graphs.values():
        if held := index.holder(address):
            return _end(known, held)
    words = UNMEANT if minus(around(address), known.judging.outside) else OUTSIDE
    return End(address, (Peer(address, address, outsider(address), words),))


def _by_key(known: Known, name: str) -> End | None:
    found = {pod.key: pod for pod in _living(known) if name in _names(pod)}
    if len(found) > 1:
        raise ValueError(f"{name} may be {' or '.join(sorted(found))}: say which")
    return next((_end(known, pod) for pod in found.values()), None)


def _living(known: Known) -> Iterator[PodRef]:
    for index in known.rows.graphs.values():
        yield from (row.pod for row in index.pods.values() if row.live and row.pod.address)


def _names(pod: PodRef) -> set[str]:
    own = {pod.name, f"{pod.namespace}/{pod.name}", pod.key}
    return own | ({SERVICE + pod.name, short(pod.key)} if pod.service is not None else set())


def _end(known: Known, pod: PodRef) -> End:
    """Return who stands behind what a graph knows."""
    here = known.rows.key(short(pod.key)) == pod.key
    if pod.service is not None:
        if not here:
            raise ValueError(f"{pod.key} is a Service of another cluster: name a pod behind it")
        behind = _wearing(known, pod.namespace, pod.service.selector)
        return End(f"Service {pod.namespace}/{pod.name}", tuple(behind), pod)
    if here and pod.identity is not None:
        # One policy is for all of its pods: one of them speaks for the others.
        for each in _here(known):
            if each.address in pod.aliases:
                return End(f"{short(pod.key)} (as {each.name})", (each,))
    return End(pod.key, (_elsewhere(pod),))


def _elsewhere(pod: PodRef) -> Peer:
    where = f"in cluster {pod.cluster}, or gone: its own policies are not looked at from here"
    # Nobody has the address that an identity has in a graph.
    address = pod.aliases[0] if pod.aliases else str(pod.address)
    return Peer(pod.key, address, outsider(address), where)


def _wearing(known: Known, namespace: str, selector: Mapping[str, str]) -> Iterator[Peer]:
    for each in _here(known):
        meta = each.pod["metadata"]
        near = meta["namespace"] == namespace
        if near and selector and selects({"matchLabels": selector}, meta.get("labels") or {}):
            yield each


def _here(known: Known) -> Iterator[Peer]:
    return (pod_peer(known, name) for name in known.stored.pods)


def _is_address(name: str) -> bool:
    try:
        IPv4Address(name)
    except ValueError:
        return False
    return True
