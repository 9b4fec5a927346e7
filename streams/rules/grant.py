"""What a policy can say about one pair, after all firewalls had their say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from streams.records.rules import Protocol
from streams.records.views import Inexactness, PortSpan
from streams.rules.portsets import EVERYTHING, PORTED, PortSet, united
from streams.rules.verdict import Verdict, in_order


@dataclass(frozen=True, slots=True)
class Grant:
    """The content of an allowance, and what it leaves unsaid."""

    everything: bool
    ports: tuple[PortSpan, ...]
    inexactnesses: tuple[Inexactness, ...]

    def __bool__(self) -> bool:
        return self.everything or bool(self.ports)


def any_end(verdicts: Iterable[Verdict]) -> Grant:
    """Unite what several firewalls allow, and keep what a policy can say of it.

    Only the union is cut to what can be said: two halves may make a whole.
    """
    heard = list(verdicts)
    return _grant(_union(heard), heard)


def every_hop(hops: Iterable[Iterable[Verdict]]) -> Grant:
    """Keep what is allowed at every hop, which is what any of the firewalls there allows."""
    heard = [list(hop) for hop in hops]
    allowed = reduce(and_, map(_union, heard), EVERYTHING)
    return _grant(allowed, [verdict for hop in heard for verdict in hop])


def _union(verdicts: Iterable[Verdict]) -> PortSet:
    return united(verdict.allowed for verdict in verdicts)


def _grant(allowed: PortSet, heard: Sequence[Verdict]) -> Grant:
    said = allowed.sayable()
    found = [one for verdict in heard for one in verdict.inexactnesses]
    found += _unsaid(allowed - said, heard)
    everything = said == EVERYTHING
    return Grant(everything, () if everything else said.spans(), in_order(found))


def _unsaid(lost: PortSet, verdicts: Sequence[Verdict]) -> Iterator[Inexactness]:
    protocols = {protocol for protocol in PORTED if lost.of(protocol)}
    if lost.other:
        protocols.add(Protocol.OTHER)
    for verdict in verdicts:
        for protocol, report in verdict.unsayable.items():
            if protocol in protocols:
                yield report
