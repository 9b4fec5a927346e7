"""One firewall in the middle, joined to every pod in both directions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from streams.graph.model import GraphState
from streams.graph.wanted import Owner, WantedGraph, firewall_node, pod_node
from streams.records.addresses import ANY_ADDRESS


@dataclass(frozen=True)
class Star:
    """The star around one firewall; ``hub`` is what a hub of before would be called."""

    firewall: str = "10.0.0.1"
    hub: str = "10.0.15.255"
    name: ClassVar[str] = "star"
    # Whether a firewall goes with a pod, and all it said with it.
    own: ClassVar[bool] = False

    @property
    def reserved(self) -> Collection[str]:
        """Return the addresses that no pod may have."""
        return (self.firewall,)

    def assign(
        self, pods: Mapping[str, Owner], places: Mapping[str, str], state: GraphState
    ) -> dict[str, str]:
        """Return firewall → uid of the pods that get one of their own: none does."""
        return {}

    def firewalls(self, pods: Mapping[str, Owner], places: Mapping[str, str]) -> set[str]:
        """Return the names of the firewalls that should be there."""
        return {self.firewall}

    def wanted(self, pods: Mapping[str, Owner], places: Mapping[str, str]) -> WantedGraph:
        """Return the graph for these pods, which are given by address."""
        addresses = tuple(sorted(address for address in pods if address != self.firewall))
        nodes = {self.firewall: firewall_node(self.firewall, addresses, self.name)}
        nodes |= {each: pod_node(each, pods[each], self.firewall) for each in addresses}
        return WantedGraph(nodes, frozenset({*places, self.hub} - {self.firewall}))

    def refusal(self, pods: Mapping[str, Owner], places: Mapping[str, str]) -> str:
        """Say which pods are left out and why, if any are: none is."""
        return ""

    def former(self, state: GraphState, places: Mapping[str, str]) -> set[str]:
        """Return the firewalls that are there from another placement: those of single pods."""
        return {name for name in places if state.firewall(name)} - {self.firewall}

    def fronts(self, pods: Mapping[str, Owner], places: Mapping[str, str]) -> dict[str, str]:
        """Return address → firewall of those who take over rules: one, for any address."""
        return {ANY_ADDRESS: self.firewall}

    def is_ours(self, state: GraphState) -> bool:
        """Tell whether a graph that somebody made can be ours."""
        return state.firewall(self.firewall) is not None
