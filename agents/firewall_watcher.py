"""Say what came and went on one graph's firewalls since they were last told.

reads   Verefoo, through the graphs its caller has read
writes  firewall-changes, graph-edits
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from agents.outlet import MAX_RAW, Outlet
from streams.flow.aligner import Rows, Said, is_remembered, said, store_change
from streams.flow.differences import (
    Delta,
    changes,
    differences,
    firewall_in,
    holders_in,
    read,
    read_rule,
)
from streams.flow.output import FIREWALL_CHANGES, GRAPH_EDITS, Send
from streams.graph.model import Element, GraphState
from streams.records.facts import ChangeSet, FirewallChange, GraphFact
from streams.records.rules import Action

log = structlog.get_logger()


class FirewallWatcher:
    """
    The firewalls of one graph, during one ownership of it.

    The rows are what was told before. They are changed as soon as the broker
    has a change, and by what others hear of earlier ownerships. ``refused`` is
    what the gate was handed already, and outlives an ownership.
    """

    def __init__(
        self,
        outlet: Outlet,
        graph: str,
        session: str,
        rows: Rows,
        refused: set[bytes],
        default_allow: bool,
    ) -> None:
        self._outlet = outlet
        self._graph = graph
        self._session = session
        self._rows = rows
        self._default_allow = default_allow
        self._sets = 0
        self._refused = refused

    def has_heard(self, fact: GraphFact) -> bool:
        """Tell whether a change is one of ours, or was stored before we began.

        The agent meets again what was not committed. Put here once more, it would undo what was
        said since.
        """
        if fact.change is None:
            return False
        belongs = fact.change.change_set
        ours = belongs is not None and belongs.id.startswith(self._session)
        return ours or is_remembered(self._rows, fact)

    async def tell(
        self,
        state: GraphState,
        firewalls: Iterable[str],
        ended: Iterable[Element] = (),
        leaving: Mapping[str, bool] | None = None,
    ) -> None:
        """Send what is new in a graph as it was just read, ``ended`` being what we took out.

        Firewalls that are ``leaving`` and no longer there are gone: with all that was ever said to
        them, or only what stood there was moved away.
        """
        holders = holders_in(state)
        known = said(self._rows, self._graph)
        over = {rule for rule in map(read_rule, ended) if rule is not None}
        refused: list[bytes] = []
        for name in firewalls:
            node = firewall_in(state, name)
            if node is None:
                # Lost, which is not a reason to take back what it said.
                continue
            now = read(node, holders, self._default_allow)
            before = known.get(name)
            delta = differences(before.rules if before else {}, now.said.rules, over)
            if before is None or before.default != now.said.default or any(delta):
                await self._send(name, now.said.default, delta, holders)
            refused += [self._raw(name, said) for said in now.unreadable]
        for name, whole in (leaving or {}).items():
            if name in known and firewall_in(state, name) is None:
                await self._send_gone(name, known[name], whole)
        await self._send_refused(refused)

    async def tell_ended(self, ended: Iterable[Element]) -> None:
        """Send that rules we took out are gone, when the graph could not be read again."""
        over = {rule for rule in map(read_rule, ended) if rule is not None}
        for name, before in said(self._rows, self._graph).items():
            delta = Delta((), tuple(rule for rule in before.rules if rule in over))
            if delta.removed:
                await self._send(name, before.default, delta, {})

    def last_said(self) -> dict[str, Said]:
        """Return what each firewall said last, if it ever did."""
        return said(self._rows, self._graph)

    async def _send(
        self, firewall: str, default: Action, delta: Delta, holders: dict[str, str]
    ) -> None:
        self._sets += 1
        name = f"{self._session}-{self._sets}"
        for change in changes(self._graph, firewall, default, delta, holders, name):
            await self._outlet.deliver(Send(FIREWALL_CHANGES, self._graph, change))
            store_change(self._rows, self._graph, change)
        log.info(
            "rules changed",
            graph=self._graph,
            firewall=firewall,
            added=len(delta.added),
            removed=len(delta.removed),
        )

    async def _send_gone(self, firewall: str, before: Said, whole: bool) -> None:
        if before.rules and not whole:
            # What came by topic alone stays in force. The rest is said when this has come back.
            await self._send(firewall, Action.DENY, Delta((), tuple(before.rules)), {})
            return
        self._sets += 1
        name = ChangeSet(id=f"{self._session}-{self._sets}", part=1, of=1)
        gone = FirewallChange(
            graph=self._graph, firewall=firewall, gone=True, polled=True, change_set=name
        )
        fact = GraphFact(graph=self._graph, change=gone)
        told = Send(FIREWALL_CHANGES, self._graph, gone)
        await self._outlet.deliver(told if whole else Send(GRAPH_EDITS, self._graph, fact))
        store_change(self._rows, self._graph, gone)
        log.info("firewall gone", graph=self._graph, firewall=firewall)

    async def _send_refused(self, refused: Iterable[bytes]) -> None:
        # The gate makes each a dead letter, and one is enough for as long as it stands there.
        now = dict.fromkeys(refused)
        for raw in now:
            if raw not in self._refused:
                await self._outlet.deliver_raw(FIREWALL_CHANGES, self._graph, raw)
        self._refused.clear()
        self._refused.update(now)

    def _raw(self, firewall: str, unreadable: dict[str, Any]) -> bytes:
        told = {"graph": self._graph, "firewall": firewall, "polled": True, **unreadable}
        return json.dumps(told, sort_keys=True).encode()[:MAX_RAW]
