"""Write what a firewall change says into the rows of its graph."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from streams.flow.graph import Graph
from streams.flow.graph_rows import BindingRow, End, FirewallRow, RuleRow
from streams.flow.index import GraphIndex
from streams.records.addresses import is_exact
from streams.records.facts import FirewallChange
from streams.records.rules import Action, Rule
from streams.rules.verdict import Reading

# Places beyond those of any whole list, and how many one change may take of them.
BEHIND_ALL = 1_000_000_000
MOST_SAID = 100_000


def write(graph: Graph, parts: Sequence[FirewallChange], at: int, reading: Reading) -> set[str]:
    """Store what a whole change says; return the keys of the pods whose view it may change."""
    everybody, moved = False, set[str]()
    for name in sorted({part.firewall for part in parts}):
        mine = [part for part in parts if part.firewall == name]
        known = graph.index.firewalls.get(name)
        said = _firewall(known, name, mine, at)
        _write_rules(graph, mine, said)
        everybody |= _write_firewall(graph, said)
        owners = {said.owner, known.owner if known else ""}
        if reading is Reading.EVERY_HOP and len(owners) > 1:
            moved |= graph.index.owned(owners)
    if everybody:
        return set(graph.index.pods)
    changed = graph.index.changed.get(at, set())
    return moved | {pod for key in changed for pod in graph.index.ends(key)}


def _firewall(
    known: FirewallRow | None, name: str, mine: list[FirewallChange], at: int
) -> FirewallRow:
    """Return what the firewall is by this change: as it was, where rules only come and go."""
    row = FirewallRow(firewall=name) if known is None or _is_whole(mine) else known
    said: dict[str, object] = {"at": at}
    for part in mine if not mine[-1].gone else ():
        said |= {} if part.default_action is None else {"default_action": part.default_action}
        said |= {} if part.ordered is None else {"ordered": part.ordered}
        said |= {} if part.owner is None else {"owner": part.owner}
    return row.model_copy(update=said)


def _is_whole(mine: list[FirewallChange]) -> bool:
    return mine[-1].gone or any(part.elements is not None for part in mine)


def _write_firewall(graph: Graph, new: FirewallRow) -> bool:
    """Store what a firewall is besides its rules; tell whether that touches everybody."""
    old = graph.index.firewalls.get(new.firewall)
    if old is not None and old.at >= new.at:
        if old.at == new.at:
            graph.put_firewall(old)
        return old.at == new.at
    if old is not None and old == new.model_copy(update={"at": old.at}):
        return False
    graph.put_firewall(new)
    known = (old.default_action, old.ordered) if old else (Action.DENY, new.ordered)
    return known != (new.default_action, new.ordered)


def _write_rules(graph: Graph, mine: list[FirewallChange], said: FirewallRow) -> None:
    """Store the rules that come, mark the rules that go; newer rows are left alone."""
    index, name, at = graph.index, said.firewall, said.at
    whole = _is_whole(mine)
    wanted = dict(_said_rules(mine, whole, said))
    removed = {key for part in mine for rule in part.removed for key in _places(index, name, rule)}
    holders = {address: uid for part in mine for address, uid in part.holders.items()}
    # Only a whole list is held against all that is known: a delta costs what it says.
    leaving = index.rules_of(name) if whole else removed
    # A replay: after a kill these rows may be on disk and in no changelog.
    bind_again(graph, at)
    for key in sorted(index.changed.get(at, ())):
        graph.put_rule(key, index.rules[key])
    for key in sorted(leaving - wanted.keys()):
        known = index.rules.get(key)
        if known is not None and not known.dropped and known.at < at:
            graph.put_rule(key, known.model_copy(update={"dropped": True, "at": at}))
    for key, row in wanted.items():
        known = index.rules.get(key)
        # Taken away and given again in one breath is a new rule: it binds to today's holders.
        fresh = known is None or known.dropped or key in removed
        if fresh and (known is None or known.at < at):
            graph.put_rule(key, row)
        if index.rules[key].at == at:
            _bind_rule(graph, key, holders)


def _said_rules(
    mine: list[FirewallChange], whole: bool, said: FirewallRow
) -> Iterator[tuple[str, RuleRow]]:
    """Yield a row for each rule that is to stand: a place is said by a whole ordered list only."""
    rules = [rule for part in mine for rule in (*(part.elements or ()), *part.added)]
    for number, rule in enumerate(rules, 1):
        place = number if said.ordered else 0
        key = rule_key(said.firewall, rule, place if whole else 0)
        if said.ordered and not whole:
            # Behind everything that was said before.
            place += BEHIND_ALL + said.at * MOST_SAID
        yield key, RuleRow(firewall=said.firewall, rule=rule, place=place, at=said.at)


def _places(index: GraphIndex, firewall: str, rule: Rule) -> Iterator[str]:
    """Yield the keys of a rule wherever it stands: in an ordered list it has a place."""
    exact = [end for end in (rule.source, rule.destination) if is_exact(end)]
    for key in index.naming[exact[0]] if exact else index.wild:
        if index.rules[key].firewall == firewall and index.rules[key].rule == rule:
            yield key


def rule_key(firewall: str, rule: Rule, place: int) -> str:
    """Return the key of a rule's row: the same rule twice in an unordered list is one."""
    text = rule.model_dump_json(exclude_defaults=False)
    return f"{firewall}|{place:05d}|{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def _bind_rule(graph: Graph, key: str, holders: Mapping[str, str]) -> None:
    """Bind a rule's exact ends to whom it is said for, or to who holds the addresses now."""
    row = graph.index.rules[key]
    for end, name in row.ends():
        if not is_exact(name):
            continue
        if uid := holders.get(name):
            bind_end(graph, BindingRow(rule=key, said=row.at, end=end, uid=uid, at=row.at))
        else:
            bind_holder(graph, key, end, row.at)


def bind_holder(graph: Graph, rule: str, end: End, at: int) -> None:
    """Bind one end of a rule to who holds the address it names, if somebody does."""
    row = graph.index.rules[rule]
    name = dict(row.ends())[end]
    holder = graph.index.holder(name)
    if holder is not None:
        own = str(holder.address) if holder.address != name else ""
        binding = BindingRow(rule=rule, said=row.at, end=end, uid=holder.uid, at=at, address=own)
        bind_end(graph, binding)


def bind_end(graph: Graph, binding: BindingRow) -> None:
    """Bind one end of a rule to a pod, unless it is bound already."""
    if binding.key not in graph.index.bindings:
        graph.put_binding(binding)


def bind_again(graph: Graph, at: int) -> None:
    """Put what was bound at an offset once more: it may be on disk and in no changelog."""
    for key in sorted(graph.index.bound.get(at, ())):
        graph.put_binding(graph.index.bindings[key])
