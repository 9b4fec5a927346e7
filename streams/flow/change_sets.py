"""Gather the parts of a change set: what one PUT or one poll said counts as a whole or not yet."""

from __future__ import annotations

from collections.abc import Mapping

from streams.flow.graph_rows import GraphRow
from streams.records.facts import FirewallChange


def key_of(change: FirewallChange) -> str:
    """Return the row key of one part."""
    assert change.change_set is not None
    return f"set|{change.change_set.id}|{change.change_set.part:05d}"


def keys_of(change: FirewallChange, parts: Mapping[str, GraphRow]) -> list[str]:
    """Return the keys of the stored parts of this change's set."""
    if change.change_set is None:
        return []
    prefix = f"set|{change.change_set.id}|"
    return [key for key in parts if key.startswith(prefix)]


def collect(parts: Mapping[str, GraphRow], change: FirewallChange) -> list[FirewallChange] | None:
    """Return the whole set in order once this part completes it, else None."""
    if change.change_set is None or change.change_set.of == 1:
        return [change]
    stored = {key: parts[key].part for key in keys_of(change, parts)}
    stored[key_of(change)] = change
    if len(stored) < change.change_set.of:
        return None
    return [part for _, part in sorted(stored.items()) if part is not None]
