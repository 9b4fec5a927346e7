"""How the settings have rules judged."""

from __future__ import annotations

from streams.flow.judging import Judging
from streams.rules.spaces import EVERYWHERE, NOWHERE, minus, networks
from streams.settings import Settings


def judging_of(settings: Settings) -> Judging:
    """Return how rules are read; nothing is outside as long as nobody says where pods are."""
    cluster, rules = settings.cluster, settings.rules
    ranges = cluster.pod_ranges
    inside = ranges if cluster.identity == "pod" else (*ranges, settings.graph.identities)
    outside = minus(EVERYWHERE, networks(inside)) if ranges else NOWHERE
    return Judging(rules.exactness, rules.reading, outside, rules.reverse)
