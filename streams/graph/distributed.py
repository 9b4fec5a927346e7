"""A firewall of its own before every pod; all of them joined to each other, or to one hub."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Any, ClassVar

from streams.graph.model import ENDHOST, FIREWALL, FORWARDER, GraphState
from streams.graph.wanted import Owner, WantedGraph, WantedNode, firewall_node, pod_node

# How many addresses from the base on belong to firewalls; the last is the hub's.
RESERVED = 4096


@lru_cache(maxsize=16)
def _range(base: str) -> dict[str, None]:
    first = int(IPv4Address(base))
    return dict.fromkeys(str(IPv4Address(first + number)) for number in range(RESERVED))


@dataclass(frozen=True)
class Distributed:
    """One firewall per pod, in a full mesh (thesis, chapter 6) or around one forwarder.

    A mesh takes a call to Verefoo for every other firewall whenever a pod comes or goes, so it is
    bounded; a hub takes as many calls whatever the number of pods. ``star`` is what the firewall
    would be called that stood before all pods, should there have been one.
    """

    base: str = "10.0.0.0"
    hub: bool = False
    mesh_limit: int = 200
    star: str = "10.0.0.1"
    name: ClassVar[str] = "distributed"
    # Whether a firewall goes with a pod, and all it said with it.
    own: ClassVar[bool] = True

    @property
    def reserved(self) -> Collection[str]:
        """Return the addresses that no pod may have."""
        return _range(self.base)

    @property
    def limit(self) -> int:
        """Return how many pods there may be."""
        return RESERVED - 1 if self.hub else self.mesh_limit

    @property
    def hub_name(self) -> str:
        """Return the forwarder's name: an address behind those of all firewalls."""
        return next(reversed(_range(self.base)))

    def assign(
        self, pods: Mapping[str, Owner], places: Mapping[str, str], state: GraphState
    ) -> dict[str, str]:
        """Return firewall → uid for those who have none: the one they stand behind, or the lowest.

        Never an address that a pod has, nor a name that some node has. Who is above the limit gets
        none.
        """
        given = _by_uid(places)
        new = {
            address: pod.uid
            for address, pod in sorted(pods.items(), key=lambda each: (len(each[0]), each[0]))
            # Who has no name was there before us.
            if pod.uid and pod.uid not in given
        }
        room = max(0, self.limit - len(self.firewalls(pods, places)))
        taken = places.keys() | pods.keys() | {node.name for node in state.nodes}
        free = (name for name in self.reserved if name not in taken and name != self.hub_name)
        behind = _firewalls_before(state, places, self.reserved)
        found: dict[str, str] = {}
        for address, uid in list(new.items())[:room]:
            name = behind.get(address) or next(free, None)
            if name is not None:
                found[name] = uid
        return found

    def firewalls(self, pods: Mapping[str, Owner], places: Mapping[str, str]) -> set[str]:
        """Return the names of the firewalls that should be there."""
        return set(self.fronts(pods, places).values())

    def wanted(self, pods: Mapping[str, Owner], places: Mapping[str, str]) -> WantedGraph:
        """Return the graph for these pods, which are given by address.

        Who has no firewall stands there alone; the firewalls of pods that are gone have to go.
        """
        placed = self.fronts(pods, places)
        names = sorted(placed.values(), key=IPv4Address)
        nodes: dict[str, WantedNode] = {}
        if self.hub:
            nodes[self.hub_name] = _forwarder(self.hub_name, tuple(names))
        for address, name in sorted(placed.items(), key=lambda each: IPv4Address(each[1])):
            others = (self.hub_name,) if self.hub else tuple(each for each in names if each != name)
            nodes[name] = firewall_node(name, (address, *others), self.name)
        nodes |= {each: pod_node(each, pods[each], placed.get(each)) for each in sorted(pods)}
        return WantedGraph(nodes, frozenset({*places, self.hub_name} - nodes.keys()))

    def refusal(self, pods: Mapping[str, Owner], places: Mapping[str, str]) -> str:
        """Say which pods are left out and why, if any are."""
        without = len(pods) - len(self.firewalls(pods, places))
        if without == 0:
            return ""
        wiring = "hub" if self.hub else "mesh"
        advice = "" if self.hub else "; a hub takes as many calls to Verefoo for any number"
        return f"{without} pods without a firewall: a {wiring} joins at most {self.limit}{advice}"

    def former(self, state: GraphState, places: Mapping[str, str]) -> set[str]:
        """Return the firewalls that are there from another placement: a star's."""
        return {self.star} - places.keys() if state.firewall(self.star) else set()

    def fronts(self, pods: Mapping[str, Owner], places: Mapping[str, str]) -> dict[str, str]:
        """Return address → firewall of those who take over rules."""
        given = _by_uid(places)
        return {address: given[pod.uid] for address, pod in pods.items() if pod.uid in given}

    def is_ours(self, state: GraphState) -> bool:
        """Tell whether a graph that somebody made can be ours."""
        names = {node.name for node in state.nodes if node.functional_type == FIREWALL}
        return self.star in names or any(name in self.reserved for name in names)


def _by_uid(places: Mapping[str, str]) -> dict[str, str]:
    # Two who decided at once may have given a pod two: the lowest is its own, the others go.
    return {places[name]: name for name in sorted(places, reverse=True)}


def _firewalls_before(
    state: GraphState, taken: Collection[str], reserved: Collection[str]
) -> dict[str, str]:
    """Return address → firewall of the pods that stand behind one which nobody was given."""
    firewalls = {node.name for node in state.nodes if node.functional_type == FIREWALL}
    hosts: defaultdict[str, set[str]] = defaultdict(set)
    for node in state.nodes:
        if node.functional_type == ENDHOST:
            for name in {each.name for each in node.neighbours} & firewalls:
                hosts[name].add(node.name)
    # Before several pods stands a star's, whose rules are everybody's.
    return {
        each.pop(): name
        for name, each in sorted(hosts.items())
        if len(each) == 1 and name in reserved and name not in taken
    }


def _forwarder(name: str, firewalls: tuple[str, ...]) -> WantedNode:
    configuration: dict[str, Any] = {
        "name": name,
        "description": "hub",
        "forwarder": {"name": "Forwarder"},
    }
    return WantedNode(name, FORWARDER, firewalls, configuration)
