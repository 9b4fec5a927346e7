"""Say which rules of one firewall decide whether some ports are open, between two addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streams.records.ports import LAST_PORT, PortRange
from streams.records.rules import Action, Protocol, Rule
from streams.rules.clauses import clauses_for
from streams.rules.portsets import PORTED
from streams.rules.sweep import sweep
from streams.rules.verdict import Exactness


class Flow(NamedTuple):
    """Destination ports somebody asks about: those that a policy can name, unless said."""

    protocols: tuple[Protocol, ...] = PORTED
    ports: PortRange = PortRange(1, LAST_PORT)


class Decided(NamedTuple):
    """Whether any of it is let through, and the rules that say so; none: it is the default."""

    allowed: bool
    rules: tuple[Rule, ...]


def decide(
    rules: Sequence[Rule],
    default: Action,
    ordered: bool,
    pair: tuple[str, str],
    flow: Flow,
    exactness: Exactness,
) -> Decided:
    """Return what one firewall decides, as it is evaluated."""
    clauses = clauses_for(rules, ordered, *pair)
    stretches = [
        stretch
        for protocol in flow.protocols
        for stretch in sweep(
            [each for each in clauses if protocol in each.protocols],
            default,
            exactness is Exactness.STRICT,
        )
        if stretch.ports.first <= flow.ports.last and flow.ports.first <= stretch.ports.last
    ]
    allowed = any(each.allowed for each in stretches)
    deciding = [each.rule for each in stretches if each.allowed is allowed and each.rule]
    return Decided(allowed, tuple(dict.fromkeys(deciding)))
