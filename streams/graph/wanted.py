"""A Verefoo graph as it should be: names, and no ids yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Owner(NamedTuple):
    """Whose address a node stands for: `cluster/namespace/name` and the uid of that pod."""

    name: str
    uid: str


class WantedNode(NamedTuple):
    """One node that should be there, with at least these neighbours."""

    name: str
    functional_type: str
    neighbours: tuple[str, ...]
    configuration: dict[str, Any]

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
            "configuration": self.configuration,
        }


class WantedGraph(NamedTuple):
    """All nodes that should be there, by name, firewalls first."""

    nodes: Mapping[str, WantedNode]
