"""One firewall in the middle, joined to every pod in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streams.graph.model import ENDHOST, FIREWALL, Element
from streams.graph.wanted import Owner, WantedGraph, WantedNode


def wanted(
    pods: Mapping[str, Owner], firewall: str = "10.0.0.1", elements: Sequence[Element] = ()
) -> WantedGraph:
    """
    Return the star around these pods, which are given by address.

    The elements are what a firewall is born with if there is none yet; the
    rules of a firewall that is there are its own.
    """
    addresses = tuple(sorted(address for address in pods if address != firewall))
    nodes = {firewall: _firewall(firewall, addresses, elements)}
    nodes |= {address: _pod(address, pods[address], firewall) for address in addresses}
    return WantedGraph(nodes)


def _firewall(name: str, addresses: tuple[str, ...], elements: Sequence[Element]) -> WantedNode:
    function = {"defaultAction": "DENY", "elements": list(elements)}
    configuration = {"name": name, "description": "star", "firewall": function}
    return WantedNode(name, FIREWALL, addresses, configuration)


def _pod(address: str, owner: Owner, firewall: str) -> WantedNode:
    # Without a configuration a node could never get one; with a function object it needs words
    # that no pod has. Name and description alone are kept as they are.
    configuration = {"name": owner.name, "description": owner.uid}
    return WantedNode(address, ENDHOST, (firewall,), configuration)
