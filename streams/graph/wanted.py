"""A Verefoo graph as it should be: names, and no ids yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from streams.graph.model import ENDHOST, FIREWALL, Element
from streams.records.views import PodRef


class Owner(NamedTuple):
    """
    Whose address a node stands for: `cluster/namespace/name` and the uid of that pod.

    An identity is called `cluster/namespace/Kind/name`, a whole cluster `cluster/*/*`.
    """

    name: str
    uid: str


def owner_of(pod: PodRef) -> Owner:
    """Return what a pod or an identity is called in Verefoo."""
    if pod.identity is None:
        return Owner(pod.key, pod.uid)
    said = pod.identity
    return Owner(f"{pod.cluster}/{pod.namespace}/{said.kind}/{said.name}", pod.uid)


def whole(cluster: str) -> Owner:
    """Return what a cluster is called that is one node."""
    name = f"{cluster}/*/*"
    return Owner(name, name)


class WantedNode(NamedTuple):
    """One node that should be there, with at least these neighbours.

    Of a firewall's rules, which are its own, some may have to be there, and some not.
    """

    name: str
    functional_type: str
    neighbours: tuple[str, ...]
    configuration: dict[str, Any]
    added: tuple[Element, ...] = ()
    taken: tuple[Element, ...] = ()

    @property
    def mark(self) -> tuple[str, str]:
        """Return what the configuration is called and described as."""
        return self.configuration.get("name", ""), self.configuration.get("description", "")

    def as_verefoo_tells_it(self) -> dict[str, Any]:
        """Return the node as a request says it."""
        return {
            "name": self.name,
            "functionalType": self.functional_type,
            "neighbour": [{"name": name} for name in self.neighbours],
            "configuration": self._born(),
        }

    def _born(self) -> dict[str, Any]:
        if not self.added:
            return self.configuration
        function = self.configuration["firewall"]
        others = [each for each in function["elements"] if each not in self.added]
        return {
            **self.configuration,
            "firewall": {**function, "elements": [*others, *self.added]},
        }


class WantedGraph(NamedTuple):
    """All nodes that should be there, by name, firewalls first, and what of ours should not."""

    nodes: Mapping[str, WantedNode]
    unwanted: frozenset[str] = frozenset()


def firewall_node(name: str, neighbours: tuple[str, ...], description: str) -> WantedNode:
    """Return a firewall that lets nothing through."""
    function = {"defaultAction": "DENY", "elements": []}
    configuration = {"name": name, "description": description, "firewall": function}
    return WantedNode(name, FIREWALL, neighbours, configuration)


def pod_node(address: str, owner: Owner, firewall: str | None) -> WantedNode:
    """Return the end host that stands for a pod."""
    # Without a configuration a node could never get one; with a function object it needs words
    # that no pod has. Name and description alone are kept as they are.
    configuration = {"name": owner.name, "description": owner.uid}
    return WantedNode(address, ENDHOST, (firewall,) if firewall else (), configuration)
