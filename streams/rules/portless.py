"""ICMP and all that has no ports we can name: allowed or not, for one pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.records.reasons import InexactReason
from streams.records.rules import Action, Protocol, Rule
from streams.records.views import Errs, Inexactness
from streams.rules.clauses import Clause
from streams.rules.wording import Pair


@dataclass(frozen=True, slots=True)
class Portless:
    """Whether such packets pass, by which rule, and the rules that could not be followed."""

    allowed: bool
    rule: Rule | None
    unfollowed: tuple[Rule, ...]

    def findings(self, pair: Pair) -> Iterator[Inexactness]:
        """Yield a report for each rule that could not be followed."""
        for rule in self.unfollowed:
            # A stopped ping shows what a DENY takes too much; what an ALLOW meant has no name.
            example = pair.ping() if rule.action is Action.DENY else ""
            yield pair.report(rule, Errs.NARROWER, InexactReason.PROTOCOL_OTHER, example)

    def unsayable(self, pair: Pair) -> Inexactness:
        """Return the report that is due where only a part of everything is allowed."""
        named = self.rule is not None and self.rule.protocol is Protocol.OTHER
        reason = InexactReason.PROTOCOL_OTHER if named else InexactReason.ICMP
        return pair.report(self.rule, Errs.NARROWER, reason, pair.ping())


def decide_portless(clauses: Sequence[Clause], default: Action) -> Portless:
    """Return what the clauses say; OTHER with ports stops all of OTHER, and opens none of it."""
    vague: list[Rule] = []
    decider: Rule | None = None
    for clause in clauses:
        if clause.other:
            decider = clause.rule
            break
        if clause.rule.protocol is Protocol.OTHER:
            vague.append(clause.rule)
    meant = (decider.action if decider else default) is Action.ALLOW
    stopped = tuple(rule for rule in vague if rule.action is Action.DENY)
    if meant:
        return Portless(not stopped, decider, stopped)
    return Portless(False, decider, tuple(rule for rule in vague if rule.action is Action.ALLOW))
