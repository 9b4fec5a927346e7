"""Compile what a pod may exchange with its peers into its policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from streams.policy.model import Peer, PodPolicy, PolicyRule
from streams.policy.selection import selectable
from streams.records.reasons import InexactReason
from streams.records.views import Allowance, Direction, Errs, Inexactness, PodRef
from streams.rules.portsets import EVERYTHING, NOTHING, PortSet, from_spans
from streams.rules.verdict import in_order


def compile_policy(
    subject: PodRef, allowances: Iterable[Allowance]
) -> tuple[PodPolicy, tuple[Inexactness, ...]]:
    """Return the subject's policy, whatever the order of its allowances, and what it omits.

    A direction in which nothing is allowed is open to the pod itself only.
    Raise ValueError for a subject that no policy can select.
    """
    if not selectable(subject):
        raise ValueError(f"no label picks out {subject.key}")
    found: list[Inexactness] = []
    content: dict[Direction, defaultdict[Peer, PortSet]] = {
        direction: defaultdict(lambda: NOTHING) for direction in Direction
    }
    for allowance in allowances:
        reason = _unreachable(subject, allowance.peer)
        if reason:
            found.append(_report(allowance.direction, allowance.peer.key, reason))
            continue
        peer = Peer(allowance.peer.namespace, allowance.peer.name)
        content[allowance.direction][peer] |= _ports(allowance)

    for direction, peers in content.items():
        found += _unsayable(direction, peers)
    itself = Peer(subject.namespace, subject.name)
    policy = PodPolicy(
        subject=subject,
        ingress=_rules(content[Direction.INGRESS], itself),
        egress=_rules(content[Direction.EGRESS], itself),
    )
    return policy, in_order(found)


def _unreachable(subject: PodRef, peer: PodRef) -> InexactReason | None:
    if peer.cluster != subject.cluster:
        return InexactReason.OTHER_CLUSTER
    return None if selectable(peer) else InexactReason.UNSELECTABLE


def _ports(allowance: Allowance) -> PortSet:
    return EVERYTHING if allowance.everything else from_spans(allowance.ports)


def _unsayable(direction: Direction, peers: Mapping[Peer, PortSet]) -> Iterator[Inexactness]:
    for peer, allowed in peers.items():
        if allowed != allowed.sayable():
            yield _report(direction, "/".join(peer), InexactReason.PORT_ZERO)


def _report(direction: Direction, peer: str, reason: InexactReason) -> Inexactness:
    return Inexactness(rule=f"{direction} {peer}", errs=Errs.NARROWER, reason=reason)


def _rules(content: Mapping[Peer, PortSet], itself: Peer) -> tuple[PolicyRule, ...]:
    alike: defaultdict[PortSet, list[Peer]] = defaultdict(list)
    for peer, allowed in content.items():
        # An empty list of ports would mean all of them: such a peer is left out.
        if said := allowed.sayable():
            alike[said].append(peer)
    rules = [
        PolicyRule(tuple(sorted(peers)), () if ports == EVERYTHING else ports.spans())
        for ports, peers in alike.items()
    ]
    return tuple(sorted(rules, key=lambda rule: rule.peers)) or (PolicyRule((itself,)),)
