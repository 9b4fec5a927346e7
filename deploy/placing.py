"""How the settings of a graph place its firewalls."""

from __future__ import annotations

from streams.graph.distributed import Distributed
from streams.graph.placements import Placement
from streams.graph.star import Star
from streams.settings import GraphSettings


def placement_of(graph: GraphSettings) -> Placement:
    """Return the placement that the settings name."""
    if graph.placement == "star":
        return Star(graph.firewall)
    return Distributed(graph.base, hub=graph.wiring == "hub", mesh_limit=graph.mesh_limit)


def firewall_names(graph: GraphSettings) -> frozenset[str]:
    """Return what a firewall of this graph may be called: no pod has such an address.

    A star's belongs to them everywhere: rules may stand on it from before.
    """
    return frozenset({graph.firewall, *placement_of(graph).reserved})
