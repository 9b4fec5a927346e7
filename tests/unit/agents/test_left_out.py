"""What Verefoo says and would open too much is told once, and again when it may be less."""

from __future__ import annotations

from typing import Any

import pytest

from streams.flow import router
from streams.flow.output import GRAPH_EDITS, Refusal
from streams.records.cause import Source
from streams.records.facts import GraphFact
from streams.records.marks import Mark, MarkKind, Stamp
from tests.unit.agents.graph_world import GRAPH, GraphWorld, rule, said

pytestmark = [pytest.mark.row("X26"), pytest.mark.threat("T1")]

A, B, C, D = "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"
PODS = {"a": A, "b": B, "c": C, "d": D}
WIDE = rule("*", "*")


class LimitedWorld(GraphWorld):
    """A keeper with the router that its changes come to; two pods may be opened at once."""

    limit = 2

    def __init__(self) -> None:
        super().__init__()
        self.graph = router.Graph(GRAPH, {}, {})
        self.refusals: list[Refusal] = []
        self.facts = 0

    def hear(self, fact: GraphFact) -> None:
        super().hear(fact)
        if fact.claim is not None:
            self.route(fact)

    def route(self, fact: GraphFact) -> None:
        ours = router.Routing(1, 1, ("local",), blast_limit=self.limit)
        source = Source(topic="graph-facts", partition=0, offset=self.facts)
        self.facts += 1
        for output in router.handle(self.graph, fact, source, ours):
            if isinstance(output, Refusal):
                self.refusals.append(output)
            elif output.topic == GRAPH_EDITS:
                assert isinstance(output.value, GraphFact)
                self.hear(output.value)

    def in_force(self) -> set[tuple[str, str]]:
        rows = self.graph.index.rules.values()
        return {(row.rule.source, row.rule.destination) for row in rows if not row.dropped}

    async def polls(self, times: int = 3) -> None:
        for _ in range(times):
            await self.rest()


@pytest.fixture
async def world() -> LimitedWorld:
    """Four pods, one rule in force, and nothing left to do."""
    world = LimitedWorld()
    for name, address in PODS.items():
        world.claim(name, address)
    world.list_all()
    listed = Mark(
        kind=MarkKind.LIST_COMPLETE,
        id="l",
        cluster="local",
        epoch=1,
        partition=0,
        started=Stamp(lease=1, n=1),
    )
    world.route(GraphFact(graph=GRAPH, mark=listed))
    await world.rest()
    world.rule(rule(A, B))
    await world.polls()
    world.clear()
    assert world.in_force() == {(A, B)}
    return world


def wide(world: LimitedWorld, *rules: dict[str, Any]) -> None:
    world.rule(rule(A, B), WIDE, *rules)


async def test_a_rule_that_opens_too_much_is_refused_once_and_reported(
    world: LimitedWorld,
) -> None:
    wide(world)

    await world.polls()

    assert [each.reason for each in world.refusals] == ["blast-limit"]
    assert said(world.changes()) == [("added", "*", "*")]
    assert world.in_force() == {(A, B)}
    assert "blast-limit" in world.keeper.last_error


async def test_other_rules_are_not_kept_waiting_by_it(world: LimitedWorld) -> None:
    wide(world)
    await world.polls()

    world.rule(WIDE, rule(C, D))
    await world.polls()

    assert world.in_force() == {(C, D)}
    assert len(world.refusals) == 1


async def test_what_is_taken_back_in_the_same_poll_is_taken_back(world: LimitedWorld) -> None:
    world.rule(WIDE)

    await world.polls()

    assert world.in_force() == set()
    assert len(world.refusals) == 1


async def test_it_is_told_again_when_somebody_made_it_less(world: LimitedWorld) -> None:
    wide(world, rule(C, D))
    await world.polls()
    assert world.in_force() == {(A, B)}

    world.rule(rule(A, B), rule(C, D))
    await world.polls()

    assert world.in_force() == {(A, B), (C, D)}
    assert world.keeper.last_error == ""


@pytest.mark.parametrize("limit", [2, 4])
async def test_it_is_told_again_after_a_restart_and_judged_by_the_limit_of_then(
    world: LimitedWorld, limit: int
) -> None:
    wide(world)
    await world.polls()

    world.limit = limit
    world.restart()
    await world.polls()

    assert (("*", "*") in world.in_force()) is (limit == 4)
    assert len(world.refusals) == (1 if limit == 4 else 2)


async def test_a_refusal_that_comes_before_the_change_is_not_forgotten(
    world: LimitedWorld,
) -> None:
    wide(world)
    await world.keeper.step()
    heard: list[GraphFact] = []
    world.hear = heard.append  # type: ignore[method-assign]
    world.settle()
    del world.hear
    # The gate's own record to the aligner is the slower one.
    for fact in sorted(heard, key=lambda fact: fact.refused is None):
        world.hear(fact)

    world.limit = 4
    world.restart()
    await world.polls()

    assert ("*", "*") in world.in_force()


async def test_a_deny_that_is_gone_and_would_open_too_much_stays_in_force(
    world: LimitedWorld,
) -> None:
    world.limit = 4
    wide(world, rule("*", "*", action="DENY"))
    await world.polls()
    world.limit = 2

    wide(world)
    await world.polls()
    denied = [row for row in world.graph.index.rules.values() if row.rule.action == "DENY"]
    assert [row.dropped for row in denied] == [False]
    assert len(world.refusals) == 1

    wide(world, rule("*", "*", action="DENY"))
    await world.polls()
    assert world.keeper.last_error == ""
    assert len(world.refusals) == 1
