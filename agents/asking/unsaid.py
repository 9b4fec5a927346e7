"""Say where a policy is not its rules, with what that means and what to do."""

from __future__ import annotations

from agents.asking.view import View
from streams.records.reasons import InexactReason
from streams.records.views import Inexactness


class Unsaid(View):
    """One way in which a policy is not its rules."""

    rule: str
    errs: str
    reason: str
    example: str
    meaning: str
    advice: str


def say(each: Inexactness) -> Unsaid:
    """Return one way in which it is not, in full."""
    known = {str(reason): reason for reason in InexactReason}.get(each.reason)
    return Unsaid(
        rule=each.rule,
        errs=each.errs,
        reason=each.reason,
        example=each.example,
        meaning=known.meaning if known else "",
        advice=known.advice if known else "",
    )
