"""The steps from one graph to another.

Removals carry the ids of the read they were computed from, and Verefoo gives freed ids to others
at once: carry out one removal, then read and compute again. Additions go by name and may follow
each other without a read in between.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.graph.model import Element
from streams.graph.wanted import WantedNode


class SetRules(NamedTuple):
    """Leave a firewall without some of its rules, or with more of them."""

    firewall: str
    nid: int
    cid: int
    configuration: dict[str, Any]
    removed: tuple[Element, ...]

    @property
    def remaining(self) -> list[Element]:
        """Return the rules that stay."""
        return list(self.configuration["firewall"]["elements"])


class RemoveNeighbour(NamedTuple):
    """Take one entry out of a node's neighbours."""

    node: str
    nid: int
    neid: int
    name: str


class RemoveNode(NamedTuple):
    """Take a node out of the graph."""

    name: str
    nid: int


class AddNode(NamedTuple):
    """Put a node into the graph, its own neighbours included."""

    node: WantedNode


class AddNeighbour(NamedTuple):
    """Put an entry into the neighbours of a node that was there at the last read."""

    node: str
    nid: int
    name: str


Removal = SetRules | RemoveNeighbour | RemoveNode
Addition = AddNode | AddNeighbour
Edit = Removal | Addition
