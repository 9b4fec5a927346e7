"""Compare what the rules let flow with what the stored policies do, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from streams.policy.flows import SIDES, Flows, ends_beyond
from streams.records.views import Errs
from streams.rules.portsets import NOTHING, PORTED, PortSet, united
from streams.rules.spaces import Space, divided

Pair = tuple[str, str]


class Difference(NamedTuple):
    """
    Packets that the rules stop and the policies let through, or the other way round.

    ``policies`` are those that let them through, or those that close the way to them.
    """

    errs: Errs
    source: str
    destination: str
    ports: PortSet
    policies: tuple[str, ...]

    @property
    def example(self) -> str:
        """Return one packet on which they differ, as text."""
        return f"{_packet(self.ports)} {self.source} -> {self.destination}"


def compare(allowed: Mapping[Pair, PortSet], flows: Flows) -> Iterator[Difference]:
    """Yield where they differ, pair by pair; two pods that nobody closes are not compared.

    That a pod is open is one fact about it (see `open_pods`), not one about each pair.
    """
    for source, destination, ports in flows:
        extra = _less(ports, allowed.get((source, destination), NOTHING))
        if extra and not _both_open(flows, source, destination):
            policies = flows.opening(source, destination, extra)
            yield Difference(Errs.WIDER, source, destination, extra, policies)
    known = set(flows.names)
    for (source, destination), ports in allowed.items():
        if source not in known or destination not in known:
            continue
        sent = flows.sent(source, destination)
        admitted = flows.admitted(source, destination)
        missing = ports - (sent & admitted)
        if missing:
            closing = [
                name
                for side, let, pod in (
                    ("Egress", sent, source),
                    ("Ingress", admitted, destination),
                )
                if ports - let
                for name in flows.wall(side, pod).policies
            ]
            policies = tuple(sorted(set(closing)))
            yield Difference(Errs.NARROWER, source, destination, missing, policies)


def compare_beyond(
    allowed: Mapping[tuple[str, str], Sequence[tuple[Space, PortSet]]],
    flows: Flows,
    outside: Space,
) -> Iterator[Difference]:
    """Yield where they differ about addresses outside, one side of one pod after the other.

    ``allowed`` is by side (``Egress``, ``Ingress``) and pod. A side that nobody closes is not
    compared.
    """
    for name in flows.names:
        for side in SIDES:
            if flows.wall(side, name).policies:
                meant = allowed.get((side, name), ())
                yield from _beyond(side, name, meant, flows.beyond(side, name), outside)


def _beyond(
    side: str,
    name: str,
    meant: Sequence[tuple[Space, PortSet]],
    stored: Sequence[tuple[str, Space, PortSet]],
    outside: Space,
) -> Iterator[Difference]:
    spaces = [*(space for space, _ in meant), *(space for _, space, _ in stored)]
    for piece, members in divided(spaces, outside):
        asked = [ports for number, (_, ports) in enumerate(meant) if number in members]
        let = [each for number, each in enumerate(stored, len(meant)) if number in members]
        should, does = united(asked), united(ports for _, _, ports in let)
        ends = ends_beyond(side, name, piece)
        if extra := does - should:
            policies = tuple(sorted({policy for policy, _, ports in let if ports & extra}))
            yield Difference(Errs.WIDER, *ends, extra, policies)
        if missing := should - does:
            yield Difference(Errs.NARROWER, *ends, missing, ())


def open_pods(flows: Flows) -> Iterator[tuple[str, str]]:
    """Yield each side of each pod, ``egress`` or ``ingress``, that no policy closes."""
    for name in flows.names:
        for side in ("Egress", "Ingress"):
            if not flows.wall(side, name).policies:
                yield name, side.lower()


# Of the many pairs few differ in their ports.
_less = lru_cache(maxsize=4096)(PortSet.__sub__)


def _both_open(flows: Flows, source: str, destination: str) -> bool:
    return not (
        flows.wall("Egress", source).policies or flows.wall("Ingress", destination).policies
    )


def _packet(ports: PortSet) -> str:
    for protocol in PORTED:
        for first, last in ports.of(protocol):
            # Port 0 is real and of no use: the next tells people more.
            return f"{protocol} {min(max(first, 1), last)}"
    return "ICMP"
