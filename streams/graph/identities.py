"""Which identities the end hosts of a graph stand for, as their names say."""

from __future__ import annotations

from contextlib import suppress

from streams.graph.model import GraphState
from streams.records.facts import Assignment


def assignments(state: GraphState) -> list[Assignment]:
    """Return for whom each address stands that is an identity's."""
    found: list[Assignment] = []
    for node in state.nodes:
        name, uid = node.mark
        if node.bears_our_name and name.count("/") == 3:
            # What is longer than any of ours was put there by somebody else.
            with suppress(ValueError):
                found.append(Assignment(address=node.name, name=name, uid=uid))
    return found
