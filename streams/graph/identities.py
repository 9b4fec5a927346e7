"""How a graph says for whom its end hosts stand, and how that is read from it again."""

from __future__ import annotations

from contextlib import suppress

from streams.graph.model import GraphState
from streams.graph.wanted import Owner
from streams.records.facts import Assignment
from streams.records.views import PodRef


def owner_of(pod: PodRef) -> Owner:
    """Return what the node of a pod, or of an identity, is called and described as."""
    if pod.identity is None:
        return Owner(pod.key, pod.uid)
    kind, name = pod.identity.kind, pod.identity.name
    return Owner(f"{pod.cluster}/{pod.namespace}/{kind}/{name}", pod.uid)


def assignments(state: GraphState) -> list[Assignment]:
    """Return which identities the addresses of a graph stand for."""
    found: list[Assignment] = []
    for node in state.nodes:
        name, uid = node.mark
        if node.is_ours and name.count("/") == 3:
            # What is longer than any of ours was put there by somebody else.
            with suppress(ValueError):
                found.append(Assignment(address=node.name, name=name, uid=uid))
    return found
