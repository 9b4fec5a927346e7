"""Make a Verefoo graph the wanted one, step by step, as its only writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from agents.clients.errors import ClientError, NotThere, TryLater
from agents.clients.verefoo import Verefoo
from streams.failpoint import passing
from streams.graph.alignment import align
from streams.graph.edits import (
    AddNeighbour,
    AddNode,
    Edit,
    RemoveNeighbour,
    RemoveNode,
    SetRules,
)
from streams.graph.model import Element, GraphState
from streams.graph.wanted import WantedGraph

# How often a step may go wrong, or the graph change under our hands, before it is said aloud.
SETBACKS = 10
# After so many writes the rules are looked at again, and the pods that came meanwhile.
MOST_WRITES = 100


class NotOurs(ClientError):
    """Another worker keeps the graph by now."""


class Aligned(NamedTuple):
    """How far it went: a graph as last read, and what had to go on the way."""

    state: GraphState
    removed: tuple[Element, ...]
    writes: int
    left: int
    trouble: ClientError | None

    @property
    def done(self) -> bool:
        """Tell whether the graph is as wanted."""
        return self.trouble is None and not self.left


async def carry_out(
    verefoo: Verefoo,
    state: GraphState,
    wanted: WantedGraph,
    ours: Callable[[], bool] = lambda: True,
) -> Aligned:
    """
    Align a graph that was just read, and return how far it went.

    A trouble half-way is returned and not raised: the rules removed before it
    must be announced all the same. Every write asks first whether the graph is
    still ours.
    """
    work = _Work(verefoo, state, ours)
    try:
        await work.go_on(wanted)
    except ClientError as trouble:
        return work.result(trouble)
    return work.result(None)


class _Work:
    def __init__(self, verefoo: Verefoo, state: GraphState, ours: Callable[[], bool]) -> None:
        self._verefoo = verefoo
        self._state = state
        self._ours = ours
        self._removed: list[Element] = []
        self._unsure: tuple[Element, ...] = ()
        self._writes = 0
        self._left = 0

    def result(self, trouble: ClientError | None) -> Aligned:
        return Aligned(self._state, tuple(self._removed), self._writes, self._left, trouble)

    async def go_on(self, wanted: WantedGraph) -> None:
        edits = align(self._state, wanted)
        setbacks = 0
        while edits and self._writes < MOST_WRITES:
            expected = len(edits)
            lost = await self._take_steps(_steps_of_one_read(edits)[: MOST_WRITES - self._writes])
            # Also after a lost answer: only the graph can tell whether the step was done.
            await self._read()
            edits = align(self._state, wanted)
            if lost is not None or len(edits) >= expected:
                setbacks += 1
            if setbacks > SETBACKS:
                raise lost or TryLater(f"graph {self._state.gid} changes while it is aligned")
        self._left = len(edits)

    async def _take_steps(self, edits: list[Edit]) -> ClientError | None:
        try:
            for edit in edits:
                await self._take(edit)
        except (TryLater, NotThere) as lost:
            return lost
        return None

    async def _read(self) -> None:
        self._state = await self._verefoo.graph(self._state.gid)
        if self._unsure:
            there = [each for node in self._state.nodes for each in node.elements]
            self._note_removed(each for each in self._unsure if each not in there)

    async def _take(self, edit: Edit) -> None:
        gid = self._state.gid
        if not self._ours():
            raise NotOurs(f"graph {gid} is kept by another worker")
        self._writes += 1
        match edit:
            case SetRules(nid=nid, cid=cid, configuration=configuration, removed=removed):
                self._unsure = removed
                await self._verefoo.put_configuration(gid, nid, cid, configuration)
                self._note_removed(removed)
            case RemoveNeighbour(nid=nid, neid=neid):
                await self._verefoo.delete_neighbour(gid, nid, neid)
            case RemoveNode(nid=nid):
                await self._verefoo.delete_node(gid, nid)
            case AddNode(node=node):
                await self._verefoo.add_node(gid, node)
            case AddNeighbour(nid=nid, name=name):
                await self._verefoo.add_neighbour(gid, nid, name)
        passing("edited")

    def _note_removed(self, elements: Iterable[Element]) -> None:
        self._removed += [each for each in elements if each not in self._removed]
        self._unsure = ()


def _steps_of_one_read(edits: list[Edit]) -> list[Edit]:
    # A removal frees ids, which Verefoo gives away at once, and a rule set that was read a while
    # ago may have been edited since. Removals come first; what follows the last are additions.
    first = edits[0]
    return edits if isinstance(first, AddNode | AddNeighbour) else [first]
