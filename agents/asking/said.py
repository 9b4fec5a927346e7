"""Say a rule of a graph: its words, its firewall, and where it was said."""

from __future__ import annotations

from agents.asking.explained import Said
from streams.flow.graph_rows import FirewallRow, RuleRow
from streams.flow.index import GraphIndex
from streams.flow.output import FIREWALL_CHANGES, GRAPH_FACTS
from streams.rules.wording import one_line


def say_rule(graph: str, index: GraphIndex, key: str, decides: bool) -> Said:
    """Return one rule of a graph as answers have it."""
    row = index.rules[key]
    firewall = index.firewalls.get(row.firewall) or FirewallRow(firewall=row.firewall)
    return Said(
        graph=graph,
        key=key,
        firewall=row.firewall,
        text=one_line(row.rule),
        action=str(row.rule.action),
        order="the first match decides" if firewall.ordered else "no order: a DENY wins",
        said=_place(index, row),
        decides=decides,
    )


def _place(index: GraphIndex, row: RuleRow) -> str:
    """Return where the rule was said; of older ones only the place among the graph's facts."""
    said = index.said.get(row.at)
    if said is not None:
        return f"{FIREWALL_CHANGES}/{said.partition}/{said.rev}"
    return f"{GRAPH_FACTS}, offset {row.at}"
