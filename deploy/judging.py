"""How the settings have rules judged."""

from __future__ import annotations

from streams.flow.crossing import Link
from streams.flow.judging import Judging
from streams.records.addresses import network_of
from streams.rules.spaces import EVERYWHERE, NOWHERE, minus, networks
from streams.settings import Settings
from streams.settings_graph import Seen


def judging_of(settings: Settings) -> Judging:
    """Return how rules are read; nothing is outside as long as nobody says where pods are."""
    ranges, rules, links = settings.cluster.pod_ranges, settings.rules, settings.graph.links
    if ranges:
        # Where pods of other clusters are met is not outside.
        met = (side for each in links for side in (each.seen, each.dialled))
        ranges = (*ranges, *(cidr for side in met if side != "pods" for cidr in side))
        ranges = (*ranges, *map(network_of, settings.graph.subnets.values()))
    if ranges and settings.cluster.identity != "pod":
        # Nobody has these addresses, and to send there means to send to an identity.
        ranges = (*ranges, settings.graph.identities)
    outside = minus(EVERYWHERE, networks(ranges)) if ranges else NOWHERE
    known = tuple(
        Link(each.source, each.destination, _networks(each.seen), _networks(each.dialled))
        for each in links
    )
    return Judging(rules.exactness, rules.reading, outside, rules.reverse, known)


def _networks(side: Seen) -> tuple[str, ...] | None:
    return None if side == "pods" else side
