"""Reach: whether one pod reaches another, and the chain of rule, policy and object that decides."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from agents.asking.reaching import Answer, Port, find_pod, judge, parse_port
from agents.asking.stored import ON_HOST
from agents.web.pages.page import Asked, Page, View, short
from agents.web.seen import Seen
from streams.flow.fence import INSTANCE, REVISION
from streams.flow.views import about
from streams.policy.reach import Reach, Side, both_sides
from streams.records.ports import parse_ports
from streams.records.rules import Protocol, Rule
from streams.rules.wording import one_line

MOST_PEERS = 200
MOST_NAMES = 500


class ReachAsked(Asked):
    """From where, to where, and at which port."""

    source: str = Field(default="", alias="from", max_length=507, description="A pod.")
    to: str = Field(default="", max_length=507, description="Another pod.")
    port: str = Field(default="", max_length=12, description="80 (TCP), 53/UDP or 9899/SCTP.")


class Said(View):
    """A rule about this pair, and whether it is about the port that was asked for."""

    graph: str
    key: str
    firewall: str
    text: str
    action: str


class Closing(View):
    """A stored policy that selects one of the two pods, and whether it lets this through."""

    name: str
    key: str
    ours: bool
    revision: str
    lets: bool


class Half(View):
    """One side of the way: what the policies of that pod let through."""

    way: str
    pod: str
    ports: str
    lets: bool
    policies: tuple[Closing, ...]


class Way(View):
    """What one pod may send to another, and by which rules, policies and objects."""

    source: str
    to: str
    port: str
    reaches: bool
    ports: str
    rules: tuple[Said, ...]
    egress: Half
    ingress: Half
    in_the_way: tuple[str, ...]
    why: str


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
            one = find_pod(seen.cluster.stored, asked.source)
            two = find_pod(seen.cluster.stored, asked.to)
            there, back = _way(seen, one, two, port), _way(seen, two, one, port)
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


def _way(seen: Seen, source: str, to: str, port: Port | None) -> Way:
    answer = judge(seen.cluster.stored, source, to, port)
    rules = tuple(_said(seen, source, to, port))
    return Way(
        source=source,
        to=to,
        port=port.text if port else "",
        reaches=answer.yes,
        ports=answer.both.text,
        rules=rules,
        egress=_half(seen, answer, "Egress", answer.egress),
        ingress=_half(seen, answer, "Ingress", answer.ingress),
        in_the_way=tuple(answer.in_the_way),
        why=_why(answer, rules),
    )


def _why(answer: Answer, rules: tuple[Said, ...]) -> str:
    allowing = [each for each in rules if each.action == "ALLOW"]
    if answer.yes and not (answer.egress.policies or answer.ingress.policies):
        return "No policy selects either pod: everything passes."
    if answer.yes:
        asked = "Rules ask for it, and the" if allowing else "No rule asks for it, and all the same"
        return f"{asked} stored policies let it through."
    if not rules:
        return "No rule is about it, and what no rule allows is closed."
    if not allowing:
        return "Rules deny it, and none allows it."
    if len(allowing) < len(rules):
        return "A rule allows it, and another denies it: without an order that decides."
    return "A rule asks for it, and the stored policies do not let it through."


def _half(seen: Seen, answer: Answer, kind: str, side: Side) -> Half:
    leaves = kind == "Egress"
    return Half(
        way="out of" if leaves else "into",
        pod=answer.source if leaves else answer.destination,
        ports=side.reach.text,
        lets=_lets(side.reach, answer.port),
        policies=tuple(_closing(seen, answer, name, leaves) for name in side.policies),
    )


def _closing(seen: Seen, answer: Answer, name: str, leaves: bool) -> Closing:
    stored, policy = seen.cluster.stored, seen.cluster.policies[name]
    ends = stored.pods[answer.source], stored.pods[answer.destination]
    # Policies only add to each other: what one lets through it lets through alone.
    egress, ingress = both_sides([policy], *ends, stored.labels)
    meta = policy["metadata"]
    return Closing(
        name=name,
        key=next((key for key in seen.rows.wanted if short(key) == name), ""),
        ours=INSTANCE in (meta.get("labels") or {}),
        revision=(meta.get("annotations") or {}).get(REVISION, ""),
        lets=_lets((egress if leaves else ingress).reach, answer.port),
    )


def _lets(reach: Reach, port: Port | None) -> bool:
    return bool(reach) if port is None else reach.admits(port.protocol, port.number)


def _said(seen: Seen, source: str, to: str, port: Port | None) -> Iterator[Said]:
    for graph, index in seen.rows.graphs.items():
        pods = {short(row.pod.key): row.pod for row in index.pods.values() if row.live}
        if source not in pods or to not in pods:
            continue
        for key, row in about(index, pods[source], pods[to], seen.judging):
            if port is None or _covers(row.rule, port):
                yield Said(
                    graph=graph,
                    key=key,
                    firewall=row.firewall,
                    text=one_line(row.rule),
                    action=str(row.rule.action),
                )


def _covers(rule: Rule, port: Port) -> bool:
    first, last = parse_ports(rule.dst_port)
    return rule.protocol in (Protocol.ANY, port.protocol) and first <= port.number <= last


PAGES = (Page("/reach", "reach.html", reach, ReachAsked, Reaching, ("stored",)),)
