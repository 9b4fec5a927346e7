"""What must survive while a graph's pods are not all known yet, or when the graph is lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from streams.flow.aligner import Said
from streams.graph.model import ENDHOST, Element, GraphState
from streams.graph.wanted import Owner, WantedGraph
from streams.records.rules import Protocol, Rule


def leave_all(owners: Mapping[str, Owner], state: GraphState) -> dict[str, Owner]:
    """Return the owners with those of the nodes that are there, so that nothing is removed."""
    hosts = [node for node in state.nodes if node.functional_type == ENDHOST]
    foreign = {node.name for node in hosts if node.mark[0] and not node.bears_our_name}
    nameless = {node.name: Owner("", "") for node in hosts if not node.mark[0]}
    named = {node.name: Owner(*node.mark) for node in hosts if node.bears_our_name}
    claimed = {address: owner for address, owner in owners.items() if address not in foreign}
    return {**nameless, **claimed, **named}


def may_be_ours(state: GraphState, has_firewalls: bool) -> bool:
    """Tell whether a graph can be the one we know: ids are used again, by anybody."""
    return has_firewalls or not state.nodes or any(node.bears_our_name for node in state.nodes)


def restored(said: Said, owners: Mapping[str, Owner], left: Collection[str]) -> list[Element]:
    """Return the last known rules as Verefoo is told them, without those of pods that are gone."""
    return [
        element_of(rule)
        for rule, meant in said.rules.items()
        # It comes by topic only, and Verefoo has no word for it.
        if rule.protocol is not Protocol.SCTP and not is_over(rule, meant, owners, left)
    ]


def reborn(
    wanted: WantedGraph,
    said: Mapping[str, Said],
    owners: Mapping[str, Owner],
    left: Collection[str],
) -> WantedGraph:
    """Return the graph with firewalls that, should they be lost, are born with what they said."""
    nodes = dict(wanted.nodes)
    for name in nodes.keys() & said.keys():
        function = {
            "defaultAction": said[name].default.value,
            "elements": restored(said[name], owners, left),
        }
        configuration = {**nodes[name].configuration, "firewall": function}
        nodes[name] = nodes[name]._replace(configuration=configuration)
    return wanted._replace(nodes=nodes)


def is_over(
    rule: Rule, meant: Mapping[str, str], owners: Mapping[str, Owner], left: Collection[str]
) -> bool:
    """Tell whether a rule that was meant for these pods ended with one of them."""
    return any(_ended(end, meant, owners, left) for end in (rule.source, rule.destination))


def _ended(
    end: str, meant: Mapping[str, str], owners: Mapping[str, Owner], left: Collection[str]
) -> bool:
    owner = owners.get(end)
    if end in meant:
        return owner is None or owner.uid != meant[end]
    return owner is None and end in left


@lru_cache(maxsize=1 << 14)
def element_of(rule: Rule) -> Element:
    """Return a rule as Verefoo is told it."""
    return rule.model_dump(mode="json", by_alias=True)
