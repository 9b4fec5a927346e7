"""Whom rules mean, and what may flow by them: said once more and slowly, without the product."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from streams.records.rules import Action, Rule
from tests.unit.rules.brute_force import Packet, passes

WIDE = ["*", "198.18.0.-1"]
PORTS = (80, 8080)
Flows = set[tuple[str, str, int]]


class Known(NamedTuple):
    """Whom a rule may mean: an identity or a Service, as which of several of that name."""

    name: str
    uid: str
    cluster: str
    own: str
    aliases: frozenset[str]
    before: str = ""
    """The identity that stands behind a Service."""


class Meant:
    """The pods, Services and rules that there are, and whom rules have come to mean."""

    def __init__(self, homes: dict[str, str]) -> None:
        self.homes = homes
        self.addresses: dict[str, str] = {}
        self.pods: dict[tuple[str, int], str] = {}
        self.elsewhere: dict[str, str] = {}
        self.services: dict[str, Known] = {}
        self.rules: dict[Rule, list[Known | None]] = {}

    def identities(self) -> list[Known]:
        """Return those that ever had a pod: none of them ends here."""
        return [
            Known(name, name, self.homes[name], own, frozenset(self._aliases(name)))
            for name, own in self.addresses.items()
        ]

    def _aliases(self, name: str) -> Iterator[str]:
        yield from (address for (of, _), address in self.pods.items() if of == name)
        yield from (address for address, of in self.elsewhere.items() if of == name)

    def bind(self) -> None:
        """Let each end that means nobody yet mean who has its address by now."""
        for rule, ends in self.rules.items():
            for number, name in enumerate((rule.source, rule.destination)):
                ends[number] = ends[number] or self._holder(name)

    def _holder(self, name: str) -> Known | None:
        everybody = [*self.identities(), *self.services.values()]
        own = [one for one in everybody if one.own == name]
        seen = own or [one for one in everybody if name in one.aliases]
        return seen[0] if len(seen) == 1 else None

    def flows(self) -> Flows:
        """Return source, destination and port of all that may flow."""
        return {
            (one.name, two.name, port)
            for one, two in itertools.permutations(self.identities(), 2)
            for port in PORTS
            if self._passes(one, two, port)
        }

    def is_only(self, address: str, name: str) -> bool:
        """Tell whether an address is one identity's and nobody else's."""
        everybody = [*self.identities(), *self.services.values()]
        return [one.name for one in everybody if address in {one.own, *one.aliases}] == [name]

    def _passes(self, source: Known, destination: Known, port: int) -> bool:
        about = [
            rule.model_copy(update={"source": "*", "destination": "*", "dst_port": reached})
            for rule, (first, second) in self.rules.items()
            if _means(rule, rule.source, first, source)
            for reached in self._reached(rule, second, destination)
        ]
        return passes(about, "DENY", False, "10.0.0.1", "10.0.0.2", Packet("TCP", 1, port))

    def _reached(self, rule: Rule, bound: Known | None, destination: Known) -> Iterator[str]:
        """Yield at which ports of the destination a rule's packets arrive."""
        if _means(rule, rule.destination, bound, destination):
            yield rule.dst_port
        for service in self.services.values():
            named = rule.destination not in WIDE and _means(rule, rule.destination, bound, service)
            behind = (service.cluster, service.before) == (destination.cluster, destination.name)
            if named and behind and rule.dst_port in ("80", "80-81"):
                yield "8080"


def _means(rule: Rule, end: str, bound: Known | None, one: Known) -> bool:
    if end in WIDE:
        return end == "*" or one.own.startswith("198.18.0.")
    if rule.action is Action.ALLOW:
        return bound is not None and (bound.own, bound.uid) == (one.own, one.uid)
    first = bound.own if bound is not None else ""
    return one.own in (end, first) or end in one.aliases
