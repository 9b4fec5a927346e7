"""One stretch of time in which this worker keeps a graph, and what it knows meanwhile."""

from __future__ import annotations

import uuid
from collections import UserDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from agents.firewall_watcher import FirewallWatcher
from agents.outlet import Outlet
from streams.flow.aligner import AlignerRow, Aligning
from streams.flow.differences import Opening
from streams.graph.model import GraphState
from streams.graph.placements import Placement
from streams.graph.star import Star
from streams.records.facts import Place
from streams.rules.verdict import Reading


class CountedRows(UserDict[str, AlignerRow]):
    """Rows that count their changes: as long as the count is the same, they say the same."""

    changes = 0

    def __setitem__(self, key: str, row: AlignerRow) -> None:
        super().__setitem__(key, row)
        self.changes += 1

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self.changes += 1


class Keeping(NamedTuple):
    """Which graph is kept, and how; ``identities``: whether its nodes stand for those.

    ``aliases`` says who is seen under addresses of elsewhere, ``subnets`` which clusters are one
    node each.
    """

    graph: str
    gid: int | None
    aligning: Aligning
    placement: Placement = Star()
    poll_seconds: float = 1.0
    default_allow: bool = False
    reading: Reading = Reading.ANY_END
    identities: bool = False
    aliases: Mapping[str, str] = MappingProxyType({})
    subnets: Mapping[str, str] = MappingProxyType({})


class Ownership:
    """One stretch of time in which this worker keeps the graph, and what it knows meanwhile."""

    def __init__(
        self,
        outlet: Outlet,
        ours: Keeping,
        rows: Mapping[str, AlignerRow],
        refused: set[bytes],
        left_out: set[Opening],
    ) -> None:
        mine = {key: row for key, row in rows.items() if key.startswith(f"{ours.graph}|")}
        self.rows = CountedRows(mine)
        self.session = uuid.uuid4().hex
        self.watcher = FirewallWatcher(
            outlet, ours.graph, self.session, self.rows, refused, left_out, ours.default_allow
        )
        self.has_read = False
        self.has_named = self.has_assigned = not ours.identities
        self.answered: set[str] = set()
        # The graph and the count of the rows with which all was done that there was to do.
        self.quiet: tuple[GraphState, int] | None = None

    def has_said(self, place: Place | None) -> bool:
        """Tell whether we gave this firewall away ourselves, and perhaps otherwise since."""
        return place is not None and place.session == self.session
