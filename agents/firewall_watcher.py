"""Say what came and went on one graph's firewalls since they were last told.

reads   Verefoo, through the graphs its caller has read
writes  firewall-changes, graph-edits
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import structlog

from agents.outlet import MAX_RAW, Outlet
from streams.flow.aligner import Rows, Said, is_remembered, said, store_change
from streams.flow.differences import (
    Delta,
    Opening,
    Read,
    changes,
    differences,
    firewall_in,
    holders_in,
    in_one_set,
    openings,
    read,
    read_rule,
    without,
)
from streams.flow.output import FIREWALL_CHANGES, GRAPH_EDITS, Send
from streams.graph.model import Element, GraphState
from streams.records.facts import FirewallChange, GraphFact
from streams.records.rules import Action, Rule

log = structlog.get_logger()


class FirewallWatcher:
    """
    The firewalls of one graph, during one ownership of it.

    The rows are what was told before. They are changed as soon as the broker
    has a change, and by what others hear of earlier ownerships. ``refused`` is
    what the gate was handed already, ``left_out`` what would open too much at
    once: both are not said again and again, and outlive an ownership.
    """

    def __init__(
        self,
        outlet: Outlet,
        graph: str,
        session: str,
        rows: Rows,
        refused: set[bytes],
        left_out: set[Opening],
        default_allow: bool,
    ) -> None:
        self._outlet = outlet
        self._graph = graph
        self._session = session
        self._rows = rows
        self._default_allow = default_allow
        self._sets = 0
        self._refused = refused
        self._left_out = left_out

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

    def leave_out(self, refused: FirewallChange) -> None:
        """Wait with what we said and is not in force, until there is less of it."""
        belongs = refused.change_set
        if belongs is not None and belongs.id.startswith(self._session):
            delta = Delta(refused.added, refused.removed)
            default = refused.default_action or Action.DENY
            self._left_out |= openings(refused.firewall, default, delta)

    async def tell(
        self,
        state: GraphState,
        owners: Mapping[str, str],
        ended: Iterable[Element],
        leaving: Mapping[str, bool],
    ) -> None:
        """Send what is new in a graph as it was just read, as one set.

        ``owners`` are the firewalls to look at, each with the uid of the pod it stands before;
        ``ended`` is what we took out. Firewalls that are ``leaving`` and no longer there are gone:
        with all that was ever said to them, or only what stood there was moved away.
        """
        holders = holders_in(state)
        known = said(self._rows, self._graph)
        over = {rule for rule in map(read_rule, ended) if rule is not None}
        # A firewall that is lost is not a reason to take back what it said.
        nodes = {name: node for name in owners if (node := firewall_in(state, name))}
        found = {name: read(node, holders, self._default_allow) for name, node in nodes.items()}
        news: list[FirewallChange] = []
        for name, default, delta in self._differences(found, known, over):
            before, owner = known.get(name), owners[name]
            if before is None or (before.default, before.owner) != (default, owner) or any(delta):
                news += changes(self._graph, name, default, delta, holders, owner)
        gone = [name for name in leaving if name in known and not firewall_in(state, name)]
        for name in gone:
            news += self._gone(name, known[name], whole=leaving[name])
        await self._send(news)
        for name in gone:
            if not leaving[name] and not known[name].rules:
                await self._forget(name)
        unreadable = ((name, each) for name, now in found.items() for each in now.unreadable)
        await self._send_refused([self._raw(*each) for each in unreadable])

    async def tell_ended(self, ended: Iterable[Element]) -> None:
        """Send that rules we took out are gone, when the graph could not be read again."""
        over = {rule for rule in map(read_rule, ended) if rule is not None}
        news: list[FirewallChange] = []
        for name, before in said(self._rows, self._graph).items():
            delta = Delta((), tuple(rule for rule in before.rules if rule in over))
            if delta.removed:
                news += changes(self._graph, name, before.default, delta, {}, before.owner)
        await self._send(news)

    def last_said(self) -> dict[str, Said]:
        """Return what each firewall said last, if it ever did."""
        return said(self._rows, self._graph)

    def _differences(
        self, found: Mapping[str, Read], known: Mapping[str, Said], over: Collection[Rule]
    ) -> list[tuple[str, Action, Delta]]:
        """Return each firewall's default and what came and went, less what is left out."""
        every = []
        for name, now in found.items():
            before = known[name].rules if name in known else {}
            every.append((name, now.said.default, differences(before, now.said.rules, over)))
        if not self._left_out <= {each for told in every for each in openings(*told)}:
            # Somebody made it less: it may be little enough now.
            self._left_out.clear()
        return [without(self._left_out, *told) for told in every]

    def _gone(self, firewall: str, before: Said, whole: bool) -> list[FirewallChange]:
        if whole:
            return [FirewallChange(graph=self._graph, firewall=firewall, gone=True, polled=True)]
        if not before.rules:
            return []
        # What came by topic alone stays in force. The rest is said when this has come back.
        delta = Delta((), tuple(before.rules))
        return changes(self._graph, firewall, Action.DENY, delta, {})

    async def _send(self, news: list[FirewallChange]) -> None:
        for change in in_one_set(news, self._next_set()):
            await self._outlet.deliver(Send(FIREWALL_CHANGES, self._graph, change))
            store_change(self._rows, self._graph, change)
            log.info(
                "firewall gone" if change.gone else "rules changed",
                graph=self._graph,
                firewall=change.firewall,
                added=len(change.added),
                removed=len(change.removed),
            )

    async def _forget(self, firewall: str) -> None:
        """Have everybody who keeps this graph forget a firewall that says nothing any more."""
        gone = FirewallChange(graph=self._graph, firewall=firewall, gone=True, polled=True)
        (change,) = in_one_set([gone], self._next_set())
        fact = GraphFact(graph=self._graph, change=change)
        await self._outlet.deliver(Send(GRAPH_EDITS, self._graph, fact))
        store_change(self._rows, self._graph, change)

    def _next_set(self) -> str:
        self._sets += 1
        return f"{self._session}-{self._sets}"

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
