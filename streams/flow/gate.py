"""Let through what a firewall may say, and refuse the rest with a reason."""

from __future__ import annotations

from typing import NamedTuple

from streams.flow.output import FIREWALL_CHANGES, GRAPH_EDITS, GRAPH_FACTS, Outputs, Refusal, Send
from streams.records.cause import Source
from streams.records.facts import FirewallChange, GraphFact
from streams.records.marks import MarkKind
from streams.records.reasons import LetterReason
from streams.records.rules import Action

# The firewalls' side of a barrier, told apart from the partitions of the pods' side.
FIREWALLS_SIDE = -1


class Checks(NamedTuple):
    """What a change is held against."""

    graphs: frozenset[str]
    firewalls: frozenset[str]
    default_allow: bool = False


def handle(change: FirewallChange, key: str, source: Source, checks: Checks) -> Outputs:
    """Return the change as a fact of its graph, or why it cannot be one.

    What was polled goes to the aligner as well, who remembers what Verefoo said.
    """
    graph = change.graph or key
    if graph not in checks.graphs:
        return [Refusal(LetterReason.UNKNOWN_GRAPH, graph[:80])]
    if key != graph:
        return _under_its_own_key(change, key, graph, source)
    cause = change.cause or source.cause()
    if change.mark is not None:
        side = FIREWALLS_SIDE if change.mark.kind is MarkKind.BARRIER else source.partition
        mark = change.mark.model_copy(update={"graph": graph, "partition": side})
        return [Send(GRAPH_FACTS, graph, GraphFact(graph=graph, mark=mark, cause=cause))]
    if change.firewall not in checks.firewalls:
        return [Refusal(LetterReason.UNKNOWN_FIREWALL, change.firewall[:80])]
    if change.default_action is Action.ALLOW and not checks.default_allow:
        # Such a firewall opens every pod to every other: only who asked for it gets it.
        return [Refusal(LetterReason.DEFAULT_ALLOW, f"{change.firewall} lets everything through")]
    said = change.model_copy(update={"graph": graph, "cause": cause})
    rev = (source.partition, source.offset)
    origin = (cause.partition, cause.offset) if change.forwarded else None
    fact = GraphFact(graph=graph, change=said, rev=rev, origin=origin, cause=cause)
    topics = (GRAPH_FACTS, GRAPH_EDITS) if change.polled else (GRAPH_FACTS,)
    return [Send(topic, graph, fact) for topic in topics]


def _under_its_own_key(change: FirewallChange, key: str, graph: str, source: Source) -> Outputs:
    # Others choose keys of their own: all of one graph is judged in the order of its partition.
    if change.forwarded:
        return [Refusal(LetterReason.BAD_KEY, f"{key[:80]} is not {graph}")]
    changes = {"graph": graph, "forwarded": True, "cause": source.cause()}
    return [Send(FIREWALL_CHANGES, graph, change.model_copy(update=changes))]
