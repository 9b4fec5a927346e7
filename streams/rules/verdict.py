"""What one firewall lets flow between two addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from streams.records.rules import Protocol
from streams.records.views import Inexactness
from streams.rules.portsets import PortSet


class Exactness(StrEnum):
    """What becomes of an ALLOW that asks for source ports, which no policy can say."""

    WIDEN = "widen"
    STRICT = "strict"


class Reading(StrEnum):
    """How several firewalls are read."""

    ANY_END = "any-end"
    """A rule opens both its ends, wherever it stands (thesis, figures 6.9 to 6.12)."""
    EVERY_HOP = "every-hop"
    """A flow passes only where the firewalls before both its pods let it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The set that may flow, and where it differs from the rules.

    ``unsayable`` holds, per protocol, the report that is due unless another firewall
    completes the set: part of a protocol's ports with port 0, or ICMP without the rest.
    """

    allowed: PortSet
    inexactnesses: tuple[Inexactness, ...] = ()
    unsayable: Mapping[Protocol, Inexactness] = field(default_factory=dict)


def in_order(found: list[Inexactness]) -> tuple[Inexactness, ...]:
    """Return each report once, in an order of its own."""
    return tuple(sorted(set(found), key=lambda one: (one.rule, one.reason, one.errs, one.example)))
