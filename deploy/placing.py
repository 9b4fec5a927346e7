"""How the settings of a graph place its firewalls."""

from __future__ import annotations

from streams.graph.distributed import Distributed
from streams.graph.placements import Placement
from streams.graph.star import Star
from streams.settings_graph import GraphSettings


def placement_of(graph: GraphSettings) -> Placement:
    """Return the placement that the settings name."""
    if graph.placement == "star":
        return Star(graph.firewall, _distributed(graph).hub_name)
    return _distributed(graph)


def firewall_names(graph: GraphSettings) -> frozenset[str]:
    """Return what a firewall of this graph may be called, or might have been before a change."""
    return frozenset({graph.firewall, *_distributed(graph).reserved})


def reserved_addresses(graph: GraphSettings) -> frozenset[str]:
    """Return the addresses that belong to firewalls, and to no pod."""
    return frozenset({graph.firewall, *placement_of(graph).reserved})


def _distributed(graph: GraphSettings) -> Distributed:
    return Distributed(graph.base, graph.wiring == "hub", graph.mesh_limit, graph.firewall)
