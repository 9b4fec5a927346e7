"""How the settings have rules judged."""

from __future__ import annotations

from streams.flow.judging import Judging
from streams.rules.spaces import EVERYWHERE, NOWHERE, minus, networks
from streams.settings import Settings


def judging_of(settings: Settings) -> Judging:
    """Return how rules are read; nothing is outside as long as nobody says where pods are."""
    ranges, rules = settings.cluster.pod_ranges, settings.rules
    if ranges and settings.cluster.identity != "pod":
        # Nobody has these addresses, and to send there means to send to an identity.
        ranges = (*ranges, settings.graph.identities)
    outside = minus(EVERYWHERE, networks(ranges)) if ranges else NOWHERE
    return Judging(rules.exactness, rules.reading, outside, rules.reverse)
