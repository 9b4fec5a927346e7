"""Evaluate one firewall for one pair of addresses: first match wins, then the default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.records.reasons import InexactReason
from streams.records.rules import Action, Protocol, Rule
from streams.records.views import Errs, Inexactness
from streams.rules.clauses import Clause, clauses_for
from streams.rules.portless import decide_portless
from streams.rules.portsets import EVERYTHING, PORTED, by_protocol
from streams.rules.ranges import ALL_PORTS, Ranges, merged
from streams.rules.sweep import Stretch, sweep
from streams.rules.verdict import Exactness, Verdict, in_order
from streams.rules.wording import Pair


def evaluate(
    firewall_rules: Sequence[Rule],
    default: Action,
    ordered: bool,
    source: str,
    destination: str,
    exactness: Exactness = Exactness.WIDEN,
) -> Verdict:
    """Return what may flow from source to destination through one firewall.

    Without an order DENY wins over ALLOW, and where they overlap that is reported.
    """
    pair = Pair(source, destination)
    clauses = clauses_for(firewall_rules, ordered, source, destination)
    portless = decide_portless(clauses, default)
    found = [*_not_directional(clauses, pair), *portless.findings(pair)]
    if not ordered:
        found += _order_unknown(clauses, pair)

    ports: dict[Protocol, Ranges] = {}
    unsayable: dict[Protocol, Inexactness] = {}
    for protocol in PORTED:
        matching = [clause for clause in clauses if protocol in clause.protocols]
        stretches = list(sweep(matching, default, exactness is Exactness.STRICT))
        ports[protocol] = merged(stretch.ports for stretch in stretches if stretch.allowed)
        found += _source_ports(stretches, protocol, pair)
        if stretches[0].allowed and ports[protocol] != ALL_PORTS:
            unsayable[protocol] = _port_zero(stretches[0], protocol, pair)

    allowed = by_protocol(ports, portless.allowed)
    if allowed.other and allowed != EVERYTHING:
        unsayable[Protocol.OTHER] = portless.unsayable(pair)
    return Verdict(allowed, in_order(found), unsayable)


def _source_ports(
    stretches: Sequence[Stretch], protocol: Protocol, pair: Pair
) -> Iterator[Inexactness]:
    reported: set[tuple[Rule | None, Errs]] = set()
    for stretch in stretches:
        if not (stretch.opened and stretch.closed):
            continue
        errs = Errs.WIDER if stretch.allowed else Errs.NARROWER
        if (stretch.rule, errs) in reported:
            continue
        reported.add((stretch.rule, errs))
        differing = stretch.closed if stretch.allowed else stretch.opened
        example = pair.flow(protocol, differing[-1].last, stretch.ports.last)
        yield pair.report(stretch.rule, errs, InexactReason.SOURCE_PORT, example)


def _port_zero(stretch: Stretch, protocol: Protocol, pair: Pair) -> Inexactness:
    example = pair.flow(protocol, stretch.opened[-1].last, 0)
    return pair.report(stretch.rule, Errs.NARROWER, InexactReason.PORT_ZERO, example)


def _not_directional(clauses: Sequence[Clause], pair: Pair) -> Iterator[Inexactness]:
    for clause in clauses:
        if not clause.rule.directional:
            # What the way back would have been allowed, or denied, is not.
            errs = Errs.NARROWER if clause.rule.action is Action.ALLOW else Errs.WIDER
            yield pair.report(clause.rule, errs, InexactReason.NOT_DIRECTIONAL, "")


def _order_unknown(clauses: Sequence[Clause], pair: Pair) -> Iterator[Inexactness]:
    denying = [clause for clause in clauses if clause.rule.action is Action.DENY]
    for clause in clauses:
        if clause.rule.action is Action.ALLOW and any(map(clause.overlaps, denying)):
            yield pair.report(clause.rule, Errs.NARROWER, InexactReason.ORDER_UNKNOWN, "")
