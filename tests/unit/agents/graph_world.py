"""One graph's keeper between a Verefoo and the topics, without sockets and without a broker.

`settle` stands for the pipeline: what was sent goes through the gate and back to the keeper.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from agents.clients.verefoo import Verefoo
from agents.graph_keeper import GraphKeeper
from agents.graph_ownership import Keeping
from deploy.local.verefoo.store import Store
from streams.codec import Poison, decode, encode
from streams.flow.aligner import AlignerRow, Aligning, remember
from streams.flow.gate import Checks, handle
from streams.flow.output import FIREWALL_CHANGES, GRAPH_EDITS, PATCH_OUTCOMES, Send
from streams.graph.distributed import Distributed
from streams.graph.model import GraphState, parse_graph
from streams.records.cause import Source
from streams.records.facts import FirewallChange, GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.views import PodRef
from tests.unit.local.verefoo.in_process import client_that, respond

FIREWALL = "10.0.0.1"
GRAPH = "main"
OURS = Aligning(partitions=2, epoch=1, clusters=("local",))
CHECKS = Checks(frozenset({GRAPH}), frozenset({FIREWALL, *Distributed().reserved}))
Answers = Callable[[httpx.Request], httpx.Response]


class Outlet:
    """Keeps what was delivered."""

    def __init__(self) -> None:
        self.sent: list[Send] = []
        self.raw: list[bytes] = []

    async def deliver(self, output: Send) -> None:
        # As it comes out at the other end.
        record = decode(encode(output.value), type(output.value))
        assert not isinstance(record, Poison)
        self.sent.append(output._replace(value=record))

    async def deliver_raw(self, topic: str, key: str, raw: bytes) -> None:
        assert (topic, key) == (FIREWALL_CHANGES, GRAPH)
        assert isinstance(decode(raw, FirewallChange), Poison) or b'"ALLOW"' in raw
        self.raw.append(raw)


class GraphWorld:
    """A Verefoo, the rows of one partition, and the keeper that is at work."""

    def __init__(
        self, store: Store | None = None, *, gid: int | None = None, **keeping: Any
    ) -> None:
        self.store = store or Store()
        self.outlet = Outlet()
        self.rows: dict[str, AlignerRow] = {}
        self.asked: list[str] = []
        self.spoil: Callable[[httpx.Request, Answers], httpx.Response] | None = None
        self.owned = True
        self.settled = 0
        self.offset = 0
        self.gid = gid
        self.checks = CHECKS
        self.keeping = keeping
        self.keeper = self.restart()

    def restart(self, **more: Any) -> GraphKeeper:
        """Let another keeper take over, with nothing but the rows."""
        self.keeping |= more
        ours = Keeping(GRAPH, self.gid, OURS, poll_seconds=0.01, **self.keeping)
        outlet: Any = self.outlet
        self.keeper = GraphKeeper(
            self.client(), outlet, ours, rows=lambda: self.rows, owns=lambda: self.owned
        )
        return self.keeper

    def client(self) -> Verefoo:
        """Return what the keeper speaks to Verefoo through."""
        return Verefoo(client_that(self._answer))

    def hear(self, fact: GraphFact) -> None:
        """Hand a fact to the agent: the table first, then the keeper."""
        self.offset += 1
        source = Source(topic=GRAPH_EDITS, partition=0, offset=self.offset)
        remember(self.rows, fact, source, OURS)
        self.keeper.heard(fact, source)

    def claim(self, name: str, address: str, *, uid: str = "", live: bool = True) -> None:
        """Hear that a pod claims an address, or is gone."""
        pod = PodRef(
            cluster="local", namespace="default", name=name, uid=uid or f"{name}-1", address=address
        )
        claim = PodClaim(
            pod=pod, live=live, rev=self.offset, since=Stamp(lease=1, n=self.offset + 1)
        )
        self.hear(GraphFact(graph=GRAPH, claim=claim))

    def list_all(self) -> None:
        """Hear that all pods were named."""
        for partition in range(OURS.partitions):
            self.mark(MarkKind.LIST_COMPLETE, "list", partition)

    def mark(self, kind: MarkKind, name: str, partition: int) -> None:
        """Hear one mark of the pods' side."""
        mark = Mark(
            kind=kind,
            id=name,
            cluster="local",
            epoch=1,
            partition=partition,
            started=Stamp(lease=1, n=1),
        )
        self.hear(GraphFact(graph=GRAPH, mark=mark))

    def settle(self, most: int | None = None) -> None:
        """Bring what was sent through the gate, and back."""
        for sent in self.outlet.sent[self.settled :][:most]:
            if isinstance(sent.value, GraphFact):
                self.hear(sent.value)
            elif sent.topic == FIREWALL_CHANGES:
                assert isinstance(sent.value, FirewallChange)
                self.offset += 1
                at = Source(topic=FIREWALL_CHANGES, partition=0, offset=self.offset)
                for output in handle(sent.value, sent.key, at, self.checks):
                    assert isinstance(output, Send)
                    assert isinstance(output.value, GraphFact)
                    if output.topic == GRAPH_EDITS:
                        self.hear(output.value)
                    else:
                        self.route(output.value)
            self.settled += 1

    def route(self, fact: GraphFact) -> None:
        """Hand a fact to the router, who is not here."""

    async def rest(self) -> None:
        """Step until there is nothing to do at once, then let all of it come back."""
        for _ in range(100):
            if not await self.keeper.step():
                self.settle()
                return
        raise AssertionError("it never rests")

    def rule(self, *rules: dict[str, Any], default: str = "DENY", firewall: str = FIREWALL) -> None:
        """Write the firewall's rules as somebody with curl does."""
        (graph,) = self.store.graphs.rows.values()
        (node,) = [node for node in graph["node"] if node["name"] == firewall]
        node["configuration"]["firewall"] = {"elements": list(rules), "defaultAction": default}

    def state(self) -> GraphState:
        """Return the one graph there is."""
        (graph,) = self.store.graphs.rows.values()
        return parse_graph(graph)

    def elements(self, name: str = FIREWALL) -> list[dict[str, Any]]:
        """Return the firewall's rules in Verefoo."""
        firewall = self.state().firewall(name)
        assert firewall is not None
        return firewall.elements

    def pods(self) -> set[str]:
        """Return the names of all nodes but the firewall."""
        return {node.name for node in self.state().nodes} - {FIREWALL}

    @property
    def writes(self) -> int:
        return sum(method != "GET" for method in self.asked)

    @property
    def reads(self) -> int:
        return self.asked.count("GET")

    def changes(self) -> list[FirewallChange]:
        """Return the changes sent so far, marks left out."""
        return [
            sent.value
            for sent in self.outlet.sent
            if isinstance(sent.value, FirewallChange) and sent.value.mark is None
        ]

    def marks(self, topic: str = FIREWALL_CHANGES) -> list[tuple[MarkKind, str]]:
        """Return the marks sent to a topic so far."""
        marks = [sent.value.mark for sent in self.outlet.sent if sent.topic == topic]  # type: ignore[attr-defined]
        return [(mark.kind, mark.id) for mark in marks if mark is not None]

    def answered(self) -> list[str]:
        """Return the barriers said to have been reached."""
        return [name for _, name in self.marks(PATCH_OUTCOMES)]

    def clear_unsettled(self) -> None:
        """Lose what was sent and has not come back."""
        self.outlet.sent.clear()
        self.settled = 0

    def clear(self) -> None:
        """Forget what was asked and sent so far."""
        self.settle()
        self.asked.clear()
        self.outlet.sent.clear()
        self.outlet.raw.clear()
        self.settled = 0

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.method)
        if self.spoil is not None:
            return self.spoil(request, self._respond)
        return self._respond(request)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        return respond(self.store, request)


def rule(source: str, destination: str, port: str = "80", **more: Any) -> dict[str, Any]:
    """Return an element as Verefoo shows it."""
    return {
        "id": None,
        "action": "ALLOW",
        "source": source,
        "destination": destination,
        "protocol": "TCP",
        "srcPort": "*",
        "dstPort": port,
        "priority": None,
        "directional": True,
        **more,
    }


def said(changes: list[FirewallChange]) -> list[tuple[str, str, str]]:
    """Return what the changes say, in their order: what happened, and between whom."""
    return [
        (what, rule.source, rule.destination)
        for change in changes
        for what, rules in (("removed", change.removed), ("added", change.added))
        for rule in rules
    ]
