"""The graph follows the pods over real sockets, in the fewest writes, through every trouble."""

from __future__ import annotations

import pytest

from deploy.local.verefoo.server import VerefooServer
from streams.records.marks import MarkKind
from tests.integration.verefoo.running_world import A, B, C, D, RunningWorld, Unreliable
from tests.unit.agents.graph_world import rule

TROUBLES = ["500", "html", "xml", "cut", "slow", "unheard", "hang"]


async def test_a_pod_that_comes_takes_two_writes(world: RunningWorld) -> None:
    world.claim("d", D)

    await world.until(lambda: D in world.pods() and world.writes == 2)
    await world.polls(3)

    assert world.writes == 2
    assert world.told() == []


async def test_a_pod_that_goes_takes_three_writes_and_its_rules_are_ended_once(
    world: RunningWorld,
) -> None:
    world.claim("a", A, live=False)

    await world.until(lambda: world.pods() == {B, C})
    await world.polls(3)

    assert world.writes == 3
    assert world.told() == [f"- {A} {B}"]
    assert world.elements() == []


async def test_an_unchanged_world_is_not_written(world: RunningWorld, between: Unreliable) -> None:
    between.asked.clear()

    await world.polls(10)

    assert world.writes == 0
    assert set(between.asked) == {"GET"}
    assert world.outlet.sent == []


async def test_a_keeper_that_takes_over_writes_nothing(world: RunningWorld) -> None:
    await world.end()
    world.restart()
    world.run()

    await world.polls(3)

    assert world.writes == 0
    assert [kind for kind, _ in world.marks()] == [MarkKind.FIREWALLS_READ]
    assert world.told() == []


async def test_a_rule_written_with_curl_is_told(world: RunningWorld) -> None:
    world.rule(rule(A, B), rule(B, C))

    await world.until(lambda: world.told() == [f"+ {B} {C}"])

    assert world.writes == 0


@pytest.mark.fault("F41")
async def test_a_server_that_came_back_empty_is_given_the_graph_and_the_rules_again(
    world: RunningWorld, server: VerefooServer
) -> None:
    await server.stop()
    server.store.graphs.rows.clear()
    await world.until(lambda: world.keeper.last_error != "")
    await server.start()

    await world.until(lambda: world.keeper.aligned)
    await world.polls(3)

    assert world.pods() == {A, B, C}
    assert [each["source"] for each in world.elements()] == [A]
    assert world.writes == 1
    assert world.told() == []
    assert world.keeper.alarms == 1


@pytest.mark.fault("F40")
async def test_a_server_that_is_away_takes_no_rule_with_it_and_is_caught_up_with(
    world: RunningWorld, server: VerefooServer
) -> None:
    await server.stop()
    for number in range(10):
        world.claim(f"p{number}", f"10.1.1.{number}")
        world.claim(f"p{number}", f"10.1.1.{number}", live=False)
    world.claim("d", D)
    await world.until(lambda: world.keeper.last_error != "")
    assert world.told() == []
    await server.start()

    await world.until(lambda: world.keeper.aligned)

    assert world.pods() == {A, B, C, D}
    assert world.writes == 2
    assert world.told() == []


@pytest.mark.parametrize("how", TROUBLES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.fault("F37")
async def test_one_trouble_is_one_more_try_and_nothing_else(
    world: RunningWorld, between: Unreliable, method: str, how: str
) -> None:
    between.once(method, how)
    world.claim("a", A, live=False)
    world.claim("d", D)

    await world.until(lambda: world.pods() == {B, C, D} and world.keeper.aligned)
    await world.polls(2)

    assert world.writes == 5
    assert world.told() == [f"- {A} {B}"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.fault("F38")
async def test_a_write_whose_answer_is_lost_is_not_repeated(
    world: RunningWorld, between: Unreliable, method: str
) -> None:
    between.once(method, "lost")
    world.claim("a", A, live=False)
    world.claim("d", D)

    await world.until(lambda: world.pods() == {B, C, D} and world.keeper.aligned)
    await world.polls(2)

    assert world.writes == 5
    assert len(world.state().nodes) == 4
    assert world.told() == [f"- {A} {B}"]


@pytest.mark.parametrize("how", TROUBLES)
@pytest.mark.fault("F37")
async def test_lasting_trouble_ends_nothing_and_is_caught_up_with(
    world: RunningWorld, between: Unreliable, how: str
) -> None:
    between.fails = lambda _: how
    world.claim("d", D)
    await world.until(lambda: world.keeper.last_error != "")
    asked = len(between.asked)
    await world.until(lambda: len(between.asked) > asked + 2)
    assert not world.keeper.aligned
    between.fails = lambda _: ""

    await world.until(lambda: world.keeper.aligned)

    assert world.pods() == {A, B, C, D}
    assert world.writes == 2
    assert world.told() == []
    assert world.keeper.last_error == ""


@pytest.mark.fault("F39")
async def test_a_verefoo_that_hangs_does_not_hold_up_who_hears_facts(
    world: RunningWorld, between: Unreliable
) -> None:
    between.fails = lambda _: "hang"
    asked = len(between.asked)
    await world.until(lambda: len(between.asked) > asked)

    for number in range(200):
        world.claim(f"p{number}", f"10.1.1.{number}")

    assert len(world.rows) > 200


async def test_rules_are_told_while_the_graph_cannot_be_written(
    world: RunningWorld, between: Unreliable
) -> None:
    between.fails = lambda method: "" if method == "GET" else "500"
    world.claim("d", D)
    await world.until(lambda: world.keeper.last_error != "")
    world.rule(rule(A, B), rule(B, C))

    await world.until(lambda: world.told() == [f"+ {B} {C}"])

    assert D not in world.pods()


async def test_barriers_come_after_what_was_said_before_them(world: RunningWorld) -> None:
    world.rule(rule(A, B), rule(B, C))
    world.keeper.request_barrier("w")
    world.claim("d", D)
    for partition in (0, 1):
        world.mark(MarkKind.BARRIER, "w", partition)

    await world.until(lambda: world.answered() == ["w"])
    await world.until(lambda: (MarkKind.BARRIER, "w") in world.marks())

    assert D in world.pods()
    assert world.told() == [f"+ {B} {C}"]
