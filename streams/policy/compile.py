"""Compile what a pod may exchange with its peers into its policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from streams.policy.model import Peer, PodPolicy, PolicyRule
from streams.policy.selection import selector_of
from streams.records.reasons import InexactReason
from streams.records.views import (
    Allowance,
    Direction,
    Errs,
    Inexactness,
    OutsideAllowance,
    PodRef,
)
from streams.rules.portsets import EVERYTHING, NOTHING, PortSet, from_spans, united
from streams.rules.spaces import NOWHERE, Piece, Space, blocks, divided, inside, merged, networks
from streams.rules.verdict import in_order


def compile_policy(
    subject: PodRef, allowances: Iterable[Allowance], outside: Iterable[OutsideAllowance] = ()
) -> tuple[PodPolicy, tuple[Inexactness, ...]]:
    """Return the subject's policy, whatever the order of its allowances, and what it omits.

    A direction in which nothing is allowed is open to the pod itself only. The pods of an identity
    reach each other, as a pod reaches itself; not where somebody else's would be among them.
    Raise ValueError for a subject that no policy can select.
    """
    itself = _peer(subject)
    if itself is None:
        raise ValueError(f"no label picks out {subject.key}")
    found: list[Inexactness] = []
    abroad: list[Allowance] = []
    content: dict[Direction, defaultdict[Peer, PortSet]] = {
        direction: defaultdict(lambda: NOTHING) for direction in Direction
    }
    for allowance in allowances:
        peer, why = _peer(allowance.peer), InexactReason.UNSELECTABLE
        if allowance.peer.cluster != subject.cluster:
            peer, why = None, InexactReason.OTHER_CLUSTER
        if allowance.seen_at:
            abroad.append(allowance)
        elif peer is None:
            found.append(_report(allowance.direction, allowance.peer.key, why))
        else:
            content[allowance.direction][peer] |= _ports(allowance)

    found += _unsayable_abroad(abroad)
    for direction, peers in content.items():
        found += _unsayable(direction, peers)
        if subject.identity is not None and not subject.identity.shared_with:
            peers[itself] = EVERYTHING
    beyond = _beyond(outside, abroad)
    least = (PolicyRule((itself,)),) if subject.identity is None else ()
    policy = PodPolicy(
        subject=subject,
        selector=itself.selector,
        ingress=_rules(content[Direction.INGRESS], beyond[Direction.INGRESS]) or least,
        egress=_rules(content[Direction.EGRESS], beyond[Direction.EGRESS]) or least,
    )
    return policy, in_order(found)


def _peer(pod: PodRef) -> Peer | None:
    selector = selector_of(pod)
    return Peer(pod.namespace, selector) if selector else None


def _beyond(
    outside: Iterable[OutsideAllowance], abroad: Iterable[Allowance]
) -> dict[Direction, dict[PortSet, Space]]:
    """Return which addresses outside the cluster may exchange which ports, whoever spoke of them.

    They are outside of all clusters, or those where pods of another one are met.
    """
    said: dict[Direction, list[tuple[Space, PortSet]]] = {each: [] for each in Direction}
    for one in outside:
        said[one.direction].append((inside(one.blocks), _ports(one)))
    for each in abroad:
        if sayable := _ports(each).sayable():
            said[each.direction].append((networks(each.seen_at), sayable))
    return {direction: _apart(parts) for direction, parts in said.items()}


def _apart(parts: Sequence[tuple[Space, PortSet]]) -> dict[PortSet, Space]:
    spaces = [space for space, _ in parts]
    whole = merged(piece for space in spaces for piece in space)
    found: defaultdict[PortSet, list[Piece]] = defaultdict(list)
    for atom, here in divided(spaces, whole):
        found[united(parts[number][1] for number in here)].append(atom)
    return {ports: merged(pieces) for ports, pieces in found.items()}


def _ports(allowance: Allowance | OutsideAllowance) -> PortSet:
    return EVERYTHING if allowance.everything else from_spans(allowance.ports)


def _unsayable(direction: Direction, peers: Mapping[Peer, PortSet]) -> Iterator[Inexactness]:
    for peer, allowed in peers.items():
        if allowed != allowed.sayable():
            yield _report(direction, peer.text, InexactReason.PORT_ZERO)


def _unsayable_abroad(abroad: Iterable[Allowance]) -> Iterator[Inexactness]:
    for each in abroad:
        if (allowed := _ports(each)) != allowed.sayable():
            yield _report(each.direction, each.peer.key, InexactReason.PORT_ZERO)


def _report(direction: Direction, peer: str, reason: InexactReason) -> Inexactness:
    return Inexactness(rule=f"{direction} {peer}", errs=Errs.NARROWER, reason=reason)


def _rules(
    content: Mapping[Peer, PortSet], beyond: Mapping[PortSet, Space]
) -> tuple[PolicyRule, ...]:
    alike: defaultdict[PortSet, list[Peer]] = defaultdict(list)
    for peer, allowed in content.items():
        # An empty list of ports would mean all of them: such a peer is left out.
        if said := allowed.sayable():
            alike[said].append(peer)
    rules = [
        PolicyRule(
            tuple(sorted(alike.get(ports, ()))),
            () if ports == EVERYTHING else ports.spans(),
            blocks=blocks(beyond.get(ports, NOWHERE)),
        )
        for ports in dict.fromkeys((*alike, *beyond))
    ]
    return tuple(sorted(rules, key=_place))


def _place(rule: PolicyRule) -> tuple[tuple[Peer, ...], str]:
    return rule.peers, rule.blocks[0].cidr if rule.blocks else ""
