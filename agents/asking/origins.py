"""Say where each opening of a policy comes from: whom it means, and by which rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from itertools import islice
from typing import Any, NamedTuple

from agents.asking.changed import peer_text
from agents.asking.explained import Said
from agents.asking.said import say_rule
from agents.asking.seen import Seen
from agents.asking.stored import as_stored
from agents.asking.view import View, short
from streams.flow.deciding import across, between
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging
from streams.flow.views import resolve
from streams.policy.reach import Reach, openings, outsider, ports_of
from streams.records.ports import PortRange
from streams.records.rules import Protocol
from streams.records.views import Allowance, Direction, OutsideAllowance, PodRef
from streams.rules.deciding import Flow
from streams.rules.portsets import EVERYTHING, PortSet, from_spans
from streams.rules.spaces import around, divided, inside
from streams.rules.wording import one_line

Json = Mapping[str, Any]

# Peers and stretches of addresses of one policy: for more, no rules are looked for.
MOST_PEERS = 2_000
ITSELF = "no rule: who is selected reaches itself anyway"
DEFAULT = "no rule: a firewall's default"
NOT_KNOWN = "from rules that are not known here, or have changed since"


class Origin(View):
    """One opening of a policy: whom it means at which ports, and the rules that ask for it."""

    direction: str
    number: int
    ports: str
    peers: tuple[str, ...]
    rules: tuple[Said, ...]
    why: str
    rule: dict[str, Any]


class _Asked(NamedTuple):
    """What rules let one peer exchange with the policy's pod, as a policy sees that peer."""

    name: str
    peer: Json
    ports: PortSet
    rules: tuple[Said, ...]


_Places = defaultdict[tuple[Direction, int], list[_Asked]]


def origins_of(seen: Seen, key: str) -> tuple[Origin, ...]:
    """Return where the openings of a wanted policy come from."""
    manifest = seen.rows.wanted[key].manifest
    if manifest is None:
        return ()
    asked: _Places = defaultdict(list)
    for graph, index in seen.rows.graphs.items():
        if (row := index.pods.get(key)) and row.live:
            for direction, each in islice(_asked(graph, index, row.pod, seen.judging), MOST_PEERS):
                for number in _numbers(manifest, direction, each):
                    asked[direction, number].append(each)
    return tuple(
        _origin(manifest, direction, number, rule, asked[direction, number])
        for direction in Direction
        for number, rule in enumerate(manifest["spec"].get(direction) or (), 1)
    )


def _asked(
    graph: str, index: GraphIndex, subject: PodRef, judging: Judging
) -> Iterator[tuple[Direction, _Asked]]:
    found = resolve(index, subject, judging)
    for allowance in found.allowances:
        peer = index.pods[allowance.peer.key].pod
        leaves = allowance.direction is Direction.EGRESS
        ends = (subject, peer) if leaves else (peer, subject)
        rules = {
            rule
            for flow in _flows(allowance)
            for rule in between(index, *ends, flow, judging).deciding
        }
        name = short(peer.key) if peer.cluster == subject.cluster else peer.key
        met = [outsider(each.partition("/")[0]) for each in allowance.seen_at]
        for one in met or [as_stored(peer)]:
            said = _said(graph, index, rules)
            yield allowance.direction, _Asked(name, one, _ports(allowance), said)
    for outside in found.outside:
        yield from _outside(graph, index, subject, outside, judging)


def _outside(
    graph: str, index: GraphIndex, subject: PodRef, outside: OutsideAllowance, judging: Judging
) -> Iterator[tuple[Direction, _Asked]]:
    """Yield the same of each stretch of addresses that no rule divides."""
    about = [*index.covering(str(subject.address))]
    about += [key for service in index.served_by(subject) for key in index.calling(service)]
    said = (index.rules[key].rule for key in about)
    patterns = sorted({end for rule in said for end in (rule.source, rule.destination)})
    for atom, _ in divided([*map(around, patterns)], inside(outside.blocks)):
        address = str(IPv4Address(atom.first))
        rules = {
            rule
            for flow in _flows(outside)
            for rule in across(index, subject, outside.direction, address, flow, judging).deciding
        }
        found = _Asked("", outsider(address), _ports(outside), _said(graph, index, rules))
        yield outside.direction, found


def _flows(allowance: Allowance | OutsideAllowance) -> Iterator[Flow]:
    if allowance.everything:
        yield Flow()
    for span in allowance.ports:
        yield Flow((Protocol(span.protocol),), PortRange(span.first, span.last))


def _ports(allowance: Allowance | OutsideAllowance) -> PortSet:
    return EVERYTHING if allowance.everything else from_spans(allowance.ports)


def _said(graph: str, index: GraphIndex, rules: set[str]) -> tuple[Said, ...]:
    said = {key: index.rules[key] for key in rules}
    placed = sorted(said, key=lambda key: (said[key].place, one_line(said[key].rule)))
    return tuple(say_rule(graph, index, key, decides=True) for key in placed)


def _numbers(manifest: Json, direction: Direction, asked: _Asked) -> Iterator[int]:
    """Yield which openings mean this peer, at any of the ports that rules let it have."""
    for each in openings(manifest, direction.capitalize(), asked.peer, asked.peer, {}):
        if each.reach.ports & asked.ports:
            yield each.number


def _origin(
    manifest: Json, direction: Direction, number: int, rule: dict[str, Any], asked: list[_Asked]
) -> Origin:
    side = "from" if direction is Direction.INGRESS else "to"
    peers, selector = rule.get(side) or [dict[str, Any]()], manifest["spec"]["podSelector"]
    blocks = (peer["ipBlock"]["cidr"] for peer in peers if "ipBlock" in peer)
    known = [*sorted({each.name for each in asked if each.name}), *blocks]
    names = known or [peer_text(peer, selector) for peer in peers]
    rules = dict.fromkeys(said for each in asked for said in each.rules)
    itself = rule == {side: [{"podSelector": selector}]}
    why = "" if rules else DEFAULT if asked else ITSELF if itself else NOT_KNOWN
    return Origin(
        direction=direction,
        number=number,
        ports=Reach(ports_of(rule.get("ports") or (), {})).text,
        peers=tuple(names),
        rules=tuple(rules),
        why=why,
        rule=rule,
    )
