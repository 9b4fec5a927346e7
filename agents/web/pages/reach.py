"""Reach: whether one pod reaches another, and the chain of rule, policy and object that decides."""

from __future__ import annotations

from pydantic import Field

from agents.asking.ends import Known, pod_peer
from agents.asking.explained import Way
from agents.asking.explaining import explain_way
from agents.asking.reaching import find_pod, parse_port
from agents.asking.seen import Seen
from agents.asking.stored import ON_HOST
from agents.asking.view import View
from agents.web.pages.page import Asked, Page
from streams.policy.reach import Reach

MOST_PEERS = 200
MOST_NAMES = 500


class ReachAsked(Asked):
    """From where, to where, and at which port."""

    source: str = Field(default="", alias="from", max_length=507, description="A pod.")
    to: str = Field(default="", max_length=507, description="Another pod.")
    port: str = Field(default="", max_length=12, description="80 (TCP), 53/UDP or 9899/SCTP.")


class Reaching(View):
    """Whether one pod reaches another, both ways, and what decides."""

    source: str
    to: str
    port: str
    pods: tuple[str, ...]
    there: Way | None
    back: Way | None
    error: str
    gaps: tuple[str, ...]


class Peer(View):
    """A pod at the other end, and what flows."""

    name: str
    ports: str


def reach(seen: Seen, asked: ReachAsked) -> Reaching:
    """Return the answer both ways; what cannot be asked is said as an error."""
    there = back = None
    error = ""
    if asked.source and asked.to:
        try:
            port = parse_port(asked.port) if asked.port else None
            stored = seen.cluster.stored
            known = Known(seen.rows, stored, seen.judging, seen.cluster.known)
            one, two = (
                pod_peer(known, find_pod(stored, each)) for each in (asked.source, asked.to)
            )
            there, back = explain_way(known, one, two, port), explain_way(known, two, one, port)
        except ValueError as wrong:
            error = str(wrong)
    hosts = tuple(f"{name} is left out: it {ON_HOST}" for name in seen.cluster.stored.on_host)
    return Reaching(
        source=asked.source,
        to=asked.to,
        port=asked.port,
        pods=tuple([*seen.cluster.stored.pods][:MOST_NAMES]),
        there=there,
        back=back,
        error=error,
        gaps=seen.gaps + hosts,
    )


def peers_of(seen: Seen, name: str) -> tuple[tuple[Peer, ...], tuple[Peer, ...], bool]:
    """Return whom a pod reaches and who reaches it, and whether there are more."""
    flows = seen.cluster.flows
    if name not in flows:
        return (), (), False
    out, into = [], []
    for other in flows.names:
        if other == name:
            continue
        if there := Reach(flows.between(name, other)):
            out.append(Peer(name=other, ports=there.text or "ICMP"))
        if back := Reach(flows.between(other, name)):
            into.append(Peer(name=other, ports=back.text or "ICMP"))
    more = max(len(out), len(into)) > MOST_PEERS
    return tuple(out[:MOST_PEERS]), tuple(into[:MOST_PEERS]), more


PAGES = (Page("/reach", "reach.html", reach, ReachAsked, Reaching, ("stored",)),)
