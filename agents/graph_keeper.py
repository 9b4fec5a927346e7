"""Keep one graph as its pods want it, and hear what its firewalls say: the loop beside the agent.

reads   Verefoo, and the facts its agent stored
writes  Verefoo, firewall-changes, graph-edits, patch-outcomes; identity-facts, for whom nodes
        stand where they are no pods'
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog

from agents.clients.errors import ClientError
from agents.clients.verefoo import Verefoo
from agents.graph_edits import Aligned, NotOurs, carry_out
from agents.graph_finder import GraphFinder
from agents.graph_ownership import Keeping, Ownership
from agents.graph_patience import Patience
from agents.outlet import Outlet
from agents.tracing import Leads, after, following, lead
from streams.flow.aligner import (
    KEPT_BARRIERS,
    AlignerRow,
    complete_barriers,
    is_complete,
    left_addresses,
    places,
    remember,
    store_place,
    wanted_owners,
)
from streams.flow.caution import leave_all, reborn
from streams.flow.differences import Opening, firewall_in
from streams.flow.moving import Known, move
from streams.flow.output import (
    FIREWALL_CHANGES,
    GRAPH_EDITS,
    IDENTITY_FACTS,
    PATCH_OUTCOMES,
    Send,
)
from streams.graph.identities import assignments
from streams.graph.model import GraphState
from streams.graph.wanted import Owner, WantedGraph
from streams.records.cause import Source
from streams.records.facts import Aliases, FirewallChange, GraphFact, Place
from streams.records.marks import Mark, MarkKind
from streams.records.policies import PatchOutcome

# A large graph takes Verefoo a while to tell: at most a tenth of the time is spent on asking.
REST_PER_READ = 9.0

log = structlog.get_logger()


class GraphKeeper:
    """
    The only writer of one graph, while its partition of graph-edits is here.

    ``rows`` reads the partition's rows, once per ownership. ``owns`` is asked
    before every write, and must be false while the rows are being recovered.
    """

    def __init__(
        self,
        verefoo: Verefoo,
        outlet: Outlet,
        ours: Keeping,
        *,
        rows: Callable[[], Mapping[str, AlignerRow]],
        owns: Callable[[], bool],
    ) -> None:
        self.ours = ours
        self.aligned = False
        self.last_error = ""
        self.polls = 0
        self.writes = 0
        self.alarms = 0
        self._verefoo = verefoo
        self._outlet = outlet
        self._rows = rows
        self._owns = owns
        self._finder = GraphFinder(verefoo, ours.graph, self._is_ours, ours.gid)
        self._mine: Ownership | None = None
        self._refused: set[bytes] = set()
        self._left_out: set[Opening] = set()
        # Why rules stay on firewalls of another placement; None: not judged yet.
        self._refusal: str | None = None
        self._woken = asyncio.Event()
        self._reading, self._aligning = Patience(), Patience()
        self._read_seconds = 0.0
        self._leads = Leads()
        # Kept also while the graph is not ours: it may come to us before they are answered.
        self._requests: dict[str, bool] = {}

    @property
    def gid(self) -> int | None:
        """Return the id of the graph at present; None while it is not known."""
        return self._finder.gid

    async def run(self) -> None:
        """Keep the graph for ever: troubles with Verefoo are waited out, others are raised."""
        while True:
            try:
                at_once = await self.step()
            except NotOurs:
                at_once = False
            except ClientError as trouble:
                self._note(trouble)
                await asyncio.sleep(self._reading.lost(_now()))
                continue
            self._reading.regained()
            if not at_once:
                await self._rest()

    def wake(self) -> None:
        """Look at the graph now and not at the next poll."""
        self._woken.set()

    def close(self) -> None:
        """Forget what is known of the graph: others may write its rows before it is ours again."""
        self._mine = None
        self.aligned = False

    def heard(self, fact: GraphFact, source: Source) -> None:
        """Take in one fact that was just stored in the table."""
        mine = self._mine
        if mine is None or mine.watcher.has_heard(fact) or mine.has_said(fact.place):
            return
        if fact.refused is not None:
            mine.watcher.leave_out(fact.refused)
        if remember(mine.rows, fact, source, self.ours.aligning):
            self._leads.note()
            self.wake()

    def request_barrier(self, name: str) -> None:
        """Send a barrier behind everything that Verefoo says from now on."""
        self._requests.setdefault(name, False)
        for old in list(self._requests)[:-KEPT_BARRIERS]:
            del self._requests[old]
        self.wake()

    async def step(self) -> bool:
        """Align and poll once; tell whether there is more to do at once."""
        self._woken.clear()
        if not self._owns():
            self._mine = None
            self.aligned = False
            return False
        mine = self._mine = self._mine or self._begin()
        # What is asked for, and what is known, before anything is read.
        requests = [name for name, sent in self._requests.items() if not sent]
        changes = mine.rows.changes
        complete = is_complete(mine.rows, self.ours.graph, self.ours.aligning)
        barriers = complete_barriers(mine.rows, self.ours.graph, self.ours.aligning)
        await self._say_aliases(mine)
        began = _now()
        state = await self._find(mine)
        self._read_seconds = _now() - began
        self._check_kept(mine)
        await self._say_assignments(mine, state)
        self.polls += 1
        left = 0
        if mine.quiet is None or mine.quiet[0] is not state or mine.quiet[1] != changes:
            left = await self._judge(mine, state, complete, barriers, changes)
        await self._send_requests(requests)
        return bool(left) and not self._aligning.waits(_now())

    async def _judge(
        self, mine: Ownership, state: GraphState, complete: bool, barriers: set[str], changes: int
    ) -> int:
        """Align a graph that was just read, and tell what it says; return the steps left."""
        result, aligned = Aligned(state, (), 0, 1, None), None
        if not self._aligning.waits(_now()):
            leads = self._leads.take()
            with following(leads, "align graph", graph=self.ours.graph):
                result, aligned = await self._align(mine, state, complete), lead()
            if not result.done:
                self._leads.put_back(leads)
        # What others wrote there meanwhile follows from nothing that led us.
        with after(aligned if result.removed else None):
            await self._tell(mine, result, complete)
        self.aligned = result.done and complete
        if result.done:
            self.last_error = self._said_of_what_is_left_out(mine)
        if self.aligned:
            await self._answer(mine, barriers - mine.answered)
            mine.quiet = (state, changes) if result.state is state else None
        return result.left

    def _begin(self) -> Ownership:
        self._refusal = None
        return Ownership(self._outlet, self.ours, self._rows(), self._refused, self._left_out)

    async def _find(self, mine: Ownership) -> GraphState:
        made = self._finder.made

        def known() -> bool:
            return bool(mine.watcher.last_said())

        state = await self._finder.find(
            known,
            lambda: self._keeps(mine),
            lambda: self._wanted(self._known(mine, self._owners(mine))),
        )
        if self._finder.made > made:
            self.writes += 1
            if known():
                self._alarm("graph vanished and was made again")
        return state

    def _is_ours(self, state: GraphState) -> bool:
        """Tell whether a graph has firewalls of ours, of this placement or of the one before."""
        mine = self._mine
        known = mine.watcher.last_said().keys() if mine else ()
        return self.ours.placement.is_ours(state) or any(map(state.firewall, known))

    async def _align(self, mine: Ownership, state: GraphState, complete: bool) -> Aligned:
        """Take the graph towards what is wanted; a trouble leaves it as it was read after it."""
        owners = self._owners(mine)
        owners = owners if complete else leave_all(owners, state)
        await self._assign(mine, owners, state)
        known = self._known(mine, owners)
        wanted = self._move(state, known, complete)
        spoken = known.said.keys() & wanted.nodes.keys()
        lost = [name for name in sorted(spoken) if firewall_in(state, name) is None]
        result = await carry_out(self._verefoo, state, wanted, lambda: self._keeps(mine))
        self.writes += result.writes
        if any(firewall_in(result.state, name) is not None for name in lost):
            self._alarm("firewall vanished and was made again")
        if isinstance(result.trouble, NotOurs):
            raise result.trouble
        if result.trouble is None:
            self._aligning.regained()
            return result
        self._note(result.trouble)
        self._aligning.lost(_now())
        # The state may be older than what was removed, and rules must not wait for the graph.
        await mine.watcher.tell_ended(result.removed)
        return result._replace(state=await self._verefoo.graph(state.gid), removed=())

    def _owners(self, mine: Ownership) -> dict[str, Owner]:
        return wanted_owners(mine.rows, self.ours.graph, self.ours.subnets)

    def _known(self, mine: Ownership, owners: Mapping[str, Owner]) -> Known:
        """Read all rows once, for everything that is asked of them."""
        rows, graph = mine.rows, self.ours.graph
        said, left = mine.watcher.last_said(), left_addresses(rows, graph)
        return Known(owners, places(rows, graph), said, left, self.ours.reading)

    def _wanted(self, known: Known) -> WantedGraph:
        wanted = self.ours.placement.wanted(known.owners, known.places)
        return reborn(wanted, known.said, known.owners, known.left)

    async def _assign(
        self, mine: Ownership, owners: Mapping[str, Owner], state: GraphState
    ) -> None:
        """Give a firewall to each pod that should have one of its own."""
        given = places(mine.rows, self.ours.graph)
        for firewall, uid in self.ours.placement.assign(owners, given, state).items():
            await self._say_place(mine, firewall, uid)

    def _move(self, state: GraphState, known: Known, complete: bool) -> WantedGraph:
        """Return the wanted graph; firewalls of another placement go when their rules have."""
        placement, wanted = self.ours.placement, self._wanted(known)
        if not complete:
            there = placement.former(state, known.places)
            return wanted._replace(unwanted=wanted.unwanted.difference(there))
        wanted, refusal = move(wanted, placement, state, known)
        if refusal and refusal != self._refusal:
            log.error("placement not changed", graph=self.ours.graph, reason=refusal)
        self._refusal = refusal
        return wanted

    async def _release(self, mine: Ownership, state: GraphState) -> None:
        """Give back the firewalls that are gone together with all they said."""
        said = mine.watcher.last_said()
        owners = self._owners(mine)
        given = places(mine.rows, self.ours.graph)
        placement = self.ours.placement
        ours = set(placement.fronts(owners, given).values())
        for firewall in sorted(given.keys() - ours if placement.own else given):
            gone = firewall not in said and firewall_in(state, firewall) is None
            if gone or firewall in ours:
                await self._say_place(mine, firewall, "")

    async def _say_place(self, mine: Ownership, firewall: str, uid: str) -> None:
        self._check_kept(mine)
        place = Place(firewall=firewall, uid=uid, session=mine.session)
        fact = GraphFact(graph=self.ours.graph, place=place)
        await self._outlet.deliver(Send(GRAPH_EDITS, self.ours.graph, fact))
        store_place(mine.rows, self.ours.graph, place)

    def _said_of_what_is_left_out(self, mine: Ownership) -> str:
        """Say which pods have no firewall of their own, and that rules would open too much."""
        owners = self._owners(mine)
        left_out = self.ours.placement.refusal(owners, places(mine.rows, self.ours.graph))
        many = len(self._left_out)
        waiting = f"{many} rules would open too much at once: see blast-limit" if many else ""
        return "; ".join(each for each in (self._refusal, left_out, waiting) if each)

    async def _tell(self, mine: Ownership, result: Aligned, complete: bool) -> None:
        self._check_kept(mine)
        rows, graph, placement = mine.rows, self.ours.graph, self.ours.placement
        given = places(rows, graph)
        wanted = placement.firewalls(self._owners(mine), given)
        former = placement.former(result.state, given)
        every = {*given, *wanted, *former, *mine.watcher.last_said()}
        if not result.done:
            # What was revoked there has to be taken from those who took it over first.
            every -= former
        leaving = {name: placement.own and name in given for name in sorted(every - wanted)}
        # Who moves away from single pods has all firewalls read as one; not before it is judged
        # that they say the same then.
        whose = {} if not placement.own and self._refusal == "" else given
        owners = {name: whose.get(name, "") for name in sorted(every)}
        await mine.watcher.tell(result.state, owners, result.removed, leaving if complete else {})
        if complete:
            await self._release(mine, result.state)
        if not mine.has_read:
            await self._send_mark(MarkKind.FIREWALLS_READ, mine.session)
            mine.has_read = True

    async def _say_aliases(self, mine: Ownership) -> None:
        """Say what the settings name by now: whoever kept the graph before may have had others."""
        if mine.has_named:
            return
        graph = self.ours.graph
        aliases = Aliases(named=dict(self.ours.aliases), epoch=self.ours.aligning.epoch)
        await self._outlet.deliver(
            Send(IDENTITY_FACTS, graph, GraphFact(graph=graph, aliases=aliases))
        )
        mine.has_named = True

    async def _say_assignments(self, mine: Ownership, state: GraphState) -> None:
        """Say for whom the nodes stood when they were first read, before any is changed."""
        if mine.has_assigned:
            return
        graph, epoch = self.ours.graph, self.ours.aligning.epoch
        mark = Mark(kind=MarkKind.FIREWALLS_READ, id=mine.session, graph=graph, epoch=epoch)
        facts = [GraphFact(graph=graph, assigned=each) for each in assignments(state)]
        for fact in (*facts, GraphFact(graph=graph, mark=mark)):
            await self._outlet.deliver(Send(IDENTITY_FACTS, graph, fact))
        mine.has_assigned = True

    async def _answer(self, mine: Ownership, barriers: set[str]) -> None:
        """Say that the graph is as the pods before these barriers want it."""
        graph, epoch = self.ours.graph, self.ours.aligning.epoch
        for name in sorted(barriers):
            mark = Mark(kind=MarkKind.BARRIER, id=name, graph=graph, epoch=epoch, partition=-1)
            await self._outlet.deliver(
                Send(PATCH_OUTCOMES, f"mark-{graph}", PatchOutcome(mark=mark))
            )
        mine.answered |= barriers

    async def _send_requests(self, requests: list[str]) -> None:
        for name in requests:
            await self._send_mark(MarkKind.BARRIER, name)
            if name in self._requests:
                self._requests[name] = True

    async def _send_mark(self, kind: MarkKind, name: str) -> None:
        graph, epoch = self.ours.graph, self.ours.aligning.epoch
        mark = Mark(kind=kind, id=name, graph=graph, epoch=epoch)
        change = FirewallChange(graph=graph, mark=mark)
        await self._outlet.deliver(Send(FIREWALL_CHANGES, graph, change))

    def _keeps(self, mine: Ownership) -> bool:
        return self._mine is mine and self._owns()

    def _check_kept(self, mine: Ownership) -> None:
        if not self._keeps(mine):
            raise NotOurs(f"graph {self.ours.graph} is kept by another worker")

    def _alarm(self, what: str) -> None:
        self.alarms += 1
        log.error(what, graph=self.ours.graph, gid=self.gid)

    def _note(self, trouble: ClientError) -> None:
        self.aligned = False
        if self._mine is not None:
            self._mine.quiet = None
        self.last_error = str(trouble)
        log.warning("verefoo trouble", graph=self.ours.graph, error=self.last_error)

    async def _rest(self) -> None:
        pause = max(self.ours.poll_seconds, REST_PER_READ * self._read_seconds)
        pause *= random.uniform(0.9, 1.1)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._woken.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
