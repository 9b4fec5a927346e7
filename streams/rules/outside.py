"""What a firewall says about addresses that no pod holds, which no policy repeats."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from streams.records.addresses import is_exact
from streams.records.reasons import InexactReason
from streams.records.rules import Action, Rule
from streams.records.views import Errs, Inexactness
from streams.rules.verdict import in_order
from streams.rules.wording import one_line


def outside_inexactness(
    rules: Iterable[Rule], default: Action = Action.DENY, subnets: Collection[str] = ()
) -> tuple[Inexactness, ...]:
    """Return one report per ALLOW that reaches beyond the pods, and one for default ALLOW.

    In the subnet of a whole cluster there is nobody but pods.
    """
    found = [
        Inexactness(rule=one_line(rule), errs=Errs.NARROWER, reason=InexactReason.UNKNOWN_ADDRESSES)
        for rule in rules
        if rule.action is Action.ALLOW
        and not all(is_exact(end) or end in subnets for end in (rule.source, rule.destination))
    ]
    if default is Action.ALLOW:
        found.append(
            Inexactness(
                rule="default ALLOW", errs=Errs.NARROWER, reason=InexactReason.DEFAULT_ALLOW_OUTSIDE
            )
        )
    return in_order(found)
