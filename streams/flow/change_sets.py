"""Gather the parts of a change set: what one PUT or one poll said counts as a whole or not yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from streams.flow.graph_rows import PartRow
from streams.records.facts import FirewallChange

# Of sets that somebody began and never ended, so many are remembered.
KEPT_UNFINISHED = 16

Parts = Mapping[str, PartRow]


def key_of(change: FirewallChange) -> str:
    """Return the row key of one part."""
    assert change.change_set is not None
    return f"set|{change.change_set.id}|{change.change_set.part:05d}"


def row_of(parts: Parts, change: FirewallChange, at: int) -> PartRow:
    """Return the row of one part: said again in the same words, it lies where it lay first."""
    known = parts.get(key_of(change))
    if known is not None and known.at < at and _words(known.change) == _words(change):
        return known
    return PartRow(change=change, at=at)


def collect(parts: Parts, change: FirewallChange) -> list[FirewallChange] | None:
    """Return the whole set in order once this part completes it, else None."""
    belongs = change.change_set
    if belongs is None or belongs.of == 1:
        return [change]
    stored = {row.number: row.change for row in parts.values() if row.id == belongs.id} | {
        belongs.part: change
    }
    if len(stored) < belongs.of:
        return None
    return [part for _, part in sorted(stored.items())]


def done_with(parts: Parts, committed: int) -> list[str]:
    """Return the keys of parts that no replay from the committed offset can ask for."""
    sets: defaultdict[str, list[str]] = defaultdict(list)
    for key, row in parts.items():
        sets[row.id].append(key)
    last = {name: max(parts[key].at for key in keys) for name, keys in sets.items()}
    below = sorted((name for name in sets if last[name] < committed), key=lambda name: last[name])
    finished = [name for name in below if len(sets[name]) >= parts[sets[name][0]].of]
    unfinished = [name for name in below if name not in finished][:-KEPT_UNFINISHED]
    return [key for name in (*finished, *unfinished) for key in sets[name]]


def _words(change: FirewallChange) -> FirewallChange:
    return change.model_copy(update={"cause": None})
