"""Rules and flows as one line of text, for reports."""

from __future__ import annotations

from typing import NamedTuple

from streams.records.reasons import InexactReason
from streams.records.rules import Rule
from streams.records.views import Errs, Inexactness


def one_line(rule: Rule) -> str:
    """Return the rule as people read it: ``ALLOW TCP 10.0.0.1:80 -> 10.0.0.2:80``."""
    ends = f"{rule.source}:{rule.src_port} -> {rule.destination}:{rule.dst_port}"
    return f"{rule.action} {rule.protocol} {ends}"


class Pair(NamedTuple):
    """The two addresses under judgement, to word reports about them."""

    source: str
    destination: str

    def report(
        self, rule: Rule | None, errs: Errs, reason: InexactReason, example: str
    ) -> Inexactness:
        """Return a report; without a rule it is about the default action."""
        return Inexactness(
            rule=one_line(rule) if rule else "default ALLOW",
            errs=errs,
            reason=reason,
            example=example,
        )

    def flow(self, protocol: str, src_port: int, dst_port: int) -> str:
        """Return one packet's five-tuple as text."""
        return f"{protocol} {self.source}:{src_port} -> {self.destination}:{dst_port}"

    def ping(self) -> str:
        """Return a packet without ports as text."""
        return f"ICMP {self.source} -> {self.destination}"
