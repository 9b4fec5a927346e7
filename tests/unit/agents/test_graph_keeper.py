"""A graph follows its pods, and its rules are told once, whatever happens in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from agents.clients.errors import NotThere, TryLater
from agents.graph_edits import MOST_WRITES, NotOurs
from agents.graph_patience import LONGEST_SECONDS
from deploy.local.verefoo.store import Store
from streams.flow.output import FIREWALL_CHANGES, GRAPH_EDITS
from streams.records.cause import Source
from streams.records.facts import ChangeSet, FirewallChange, GraphFact
from streams.records.marks import MarkKind
from streams.records.rules import Action, Protocol, Rule
from tests.unit.agents.graph_world import FIREWALL, GRAPH, Answers, GraphWorld, rule, said

A, B, C, D = "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"


@pytest.fixture
async def world() -> GraphWorld:
    """Three pods that are all there, one rule that is told, and nothing left to do."""
    world = GraphWorld()
    for name, address in (("a", A), ("b", B), ("c", C)):
        world.claim(name, address)
    world.list_all()
    await world.rest()
    world.rule(rule(A, B))
    await world.rest()
    world.clear()
    return world


async def test_a_first_start_makes_the_graph_says_it_was_read_and_raises_no_alarm() -> None:
    world = GraphWorld()

    await world.rest()

    assert world.writes == 1
    assert world.pods() == set()
    assert world.marks() == [(MarkKind.FIREWALLS_READ, world.marks()[0][1])]
    assert said(world.changes()) == []
    assert world.keeper.gid == 0
    assert world.keeper.alarms == 0
    assert not world.keeper.aligned


async def test_an_unchanged_world_is_read_once_per_poll_and_nothing_is_said(
    world: GraphWorld,
) -> None:
    for _ in range(3):
        await world.rest()

    assert world.asked == ["GET"] * 3
    assert world.outlet.sent == []
    assert world.keeper.aligned
    assert world.keeper.last_error == ""


async def test_a_poll_that_finds_nothing_new_judges_nothing(
    world: GraphWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.rest()
    judged: list[object] = []
    monkeypatch.setattr(type(world.keeper.ours.placement), "wanted", lambda *_: judged.append(_))

    await world.rest()

    assert world.asked == ["GET"] * 2
    assert judged == []
    assert world.keeper.aligned


async def test_a_graph_that_is_as_before_the_trouble_is_judged_again(world: GraphWorld) -> None:
    await world.rest()
    polls = world.keeper.polls
    world.spoil = lambda request, answers: httpx.Response(502)
    running = asyncio.create_task(world.keeper.run())
    await until(lambda: not world.keeper.aligned)

    world.spoil = None
    world.keeper.wake()
    await until(lambda: world.keeper.aligned, 10.0)

    running.cancel()
    assert world.keeper.polls > polls
    assert world.keeper.last_error == ""
    assert world.writes == 0


async def test_who_takes_long_to_tell_a_graph_is_asked_less_often(world: GraphWorld) -> None:
    def slowly(request: httpx.Request, answers: Answers) -> httpx.Response:
        time.sleep(0.02)
        return answers(request)

    world.spoil = slowly
    running = asyncio.create_task(world.keeper.run())
    await asyncio.sleep(0.5)
    running.cancel()

    # Every hundredth of a second is what was asked for.
    assert 1 <= world.reads <= 5


async def test_a_restart_says_again_that_it_read_and_nothing_else(world: GraphWorld) -> None:
    world.restart()

    await world.rest()

    assert world.writes == 0
    assert world.changes() == []
    assert [kind for kind, _ in world.marks()] == [MarkKind.FIREWALLS_READ]


@pytest.mark.count("C2")
async def test_a_pod_that_comes_takes_two_writes(world: GraphWorld) -> None:
    world.claim("d", D)

    await world.rest()

    assert world.writes == 2
    assert world.pods() == {A, B, C, D}
    assert world.changes() == []


@pytest.mark.row("E30")
async def test_a_pod_told_twice_is_one_node(world: GraphWorld) -> None:
    for _ in range(2):
        world.claim("d", "10.1.0.4")
    await world.rest()

    (graph,) = world.store.graphs.rows.values()
    assert [node["name"] for node in graph["node"]].count("10.1.0.4") == 1
    assert world.writes == 2


@pytest.mark.count("C2")
async def test_a_pod_that_goes_takes_three_writes_and_its_rules_are_ended_once(
    world: GraphWorld,
) -> None:
    world.claim("a", A, live=False)

    await world.rest()
    await world.rest()

    assert world.writes == 3
    assert world.pods() == {B, C}
    assert said(world.changes()) == [("removed", A, B)]


async def test_a_rule_is_told_once_with_those_it_was_meant_for(world: GraphWorld) -> None:
    world.rule(rule(A, B), rule(B, C))

    await world.rest()
    await world.rest()

    (change,) = world.changes()
    assert said([change]) == [("added", B, C)]
    assert change.holders == {B: "b-1", C: "c-1"}
    assert change.polled
    assert world.writes == 0


async def test_another_order_of_the_rules_is_nothing_new(world: GraphWorld) -> None:
    world.rule(rule(A, B), rule(B, C))
    await world.rest()
    world.clear()
    world.rule(rule(B, C), rule(A, B))

    await world.rest()

    assert world.outlet.sent == []


async def test_rules_taken_away_while_nobody_looked_are_ended_after_a_restart(
    world: GraphWorld,
) -> None:
    world.rule()
    world.restart()

    await world.rest()

    assert said(world.changes()) == [("removed", A, B)]
    assert [sent.value.mark is None for sent in world.outlet.sent] == [True, False]  # type: ignore[attr-defined]


async def test_a_change_sent_before_a_restart_and_heard_after_it_is_taken_back(
    world: GraphWorld,
) -> None:
    world.rule(rule(A, B), rule(B, C))
    await world.keeper.step()
    world.rule(rule(A, B))
    world.restart()
    await world.keeper.step()

    world.settle()
    await world.rest()

    assert said(world.changes()) == [("added", B, C), ("removed", B, C)]


async def test_a_change_that_comes_back_late_is_not_taken_for_news(world: GraphWorld) -> None:
    world.rule(rule(A, B), rule(B, C))
    await world.keeper.step()
    world.rule(rule(A, B))
    await world.keeper.step()

    world.settle(1)
    await world.rest()

    assert said(world.changes()) == [("added", B, C), ("removed", B, C)]


async def test_a_rule_that_was_ended_and_given_again_is_given_anew(world: GraphWorld) -> None:
    def give_again(request: httpx.Request, respond: Answers) -> httpx.Response:
        answer = respond(request)
        if request.method == "DELETE" and world.writes == 3:
            world.rule(rule(A, B))
        return answer

    world.spoil = give_again
    world.claim("a", A, live=False)

    await world.rest()
    await world.rest()

    (change,) = world.changes()
    assert said([change]) == [("removed", A, B), ("added", A, B)]
    assert change.holders == {B: "b-1"}


async def test_rules_of_a_pod_whose_address_another_has_by_now_are_ended(
    world: GraphWorld,
) -> None:
    world.claim("a", A, live=False)
    world.claim("x", A)

    await world.rest()

    assert said(world.changes()) == [("removed", A, B)]
    assert world.elements() == []
    assert world.pods() == {A, B, C}


async def test_rules_given_for_another_holder_while_nobody_looked_are_given_anew(
    world: GraphWorld,
) -> None:
    world.claim("a", A, live=False)
    world.claim("a", A, uid="a-2")
    await world.keeper.step()
    world.rule(rule(A, B))
    world.outlet.sent.clear()
    world.restart()

    await world.rest()

    (change,) = world.changes()
    assert said([change]) == [("removed", A, B), ("added", A, B)]
    assert change.holders[A] == "a-2"


async def test_before_all_pods_are_known_nodes_are_only_added() -> None:
    first = GraphWorld()
    first.claim("a", A)
    first.list_all()
    await first.rest()
    first.rule(rule(A, B))
    world = GraphWorld(first.store)
    world.claim("b", B)

    await world.rest()

    assert world.writes == 2
    assert world.pods() == {A, B}
    assert said(world.changes()) == [("added", A, B)]
    assert not world.keeper.aligned
    world.list_all()
    await world.rest()
    assert world.writes == 5
    assert world.pods() == {B}
    assert world.keeper.aligned


async def test_a_restart_need_not_wait_for_the_pods_again(world: GraphWorld) -> None:
    world.restart()
    world.claim("c", C, live=False)

    await world.rest()

    assert world.writes == 2
    assert world.keeper.aligned


@pytest.mark.parametrize("restarted", [True, False])
async def test_a_graph_that_vanished_is_made_again_in_one_write_with_its_rules(
    world: GraphWorld, restarted: bool
) -> None:
    world.store.graphs.rows.clear()
    if restarted:
        world.restart()

    await world.rest()
    await world.rest()

    assert world.writes == 1
    assert world.pods() == {A, B, C}
    assert [(each["source"], each["dstPort"]) for each in world.elements()] == [(A, "80")]
    assert world.changes() == []
    assert world.keeper.alarms == 1
    assert world.keeper.aligned


async def test_a_graph_without_rules_that_vanished_is_an_alarm_as_well() -> None:
    world = GraphWorld()
    await world.rest()
    world.store.graphs.rows.clear()

    await world.rest()

    assert world.keeper.alarms == 1


async def test_rules_of_a_pod_that_went_with_the_graph_are_ended(world: GraphWorld) -> None:
    world.store.graphs.rows.clear()
    world.claim("a", A, live=False)

    await world.rest()

    assert world.elements() == []
    assert said(world.changes()) == [("removed", A, B)]


async def test_a_firewall_that_vanished_is_made_again_with_its_rules(world: GraphWorld) -> None:
    nodes = next(iter(world.store.graphs.rows.values()))["node"]
    nodes[:] = [node for node in nodes if node["name"] != FIREWALL]

    await world.rest()
    await world.rest()

    assert world.writes == 1
    assert len(world.elements()) == 1
    assert world.changes() == []
    assert world.keeper.alarms == 1


async def test_a_firewall_without_its_function_is_made_again_with_its_rules(
    world: GraphWorld,
) -> None:
    (node,) = [n for n in world.store.graphs.get(0)["node"] if n["name"] == FIREWALL]
    node["configuration"] = None

    await world.rest()

    assert len(world.elements()) == 1
    assert world.changes() == []
    assert world.keeper.alarms == 1


async def test_a_vanished_firewall_that_cannot_be_made_again_takes_no_rule_with_it(
    world: GraphWorld,
) -> None:
    nodes = world.store.graphs.get(0)["node"]
    nodes[:] = [node for node in nodes if node["name"] != FIREWALL]

    def refuse(request: httpx.Request, respond: Answers) -> httpx.Response:
        return (
            httpx.Response(400, json={"status": 400})
            if request.method == "POST"
            else respond(request)
        )

    world.spoil = refuse
    await world.rest()
    await world.rest()

    assert world.changes() == []
    assert world.keeper.alarms == 0
    assert "400" in world.keeper.last_error


async def test_an_id_that_names_somebody_elses_graph_by_now_is_not_written(
    world: GraphWorld,
) -> None:
    theirs = {"id": 0, "serviceGraph": False, "node": [{"id": 900, "name": "10.9.0.1"}]}
    world.store.graphs.rows.clear()
    world.store.graphs.rows[0] = theirs

    await world.rest()

    assert world.store.graphs.rows[0] == {**theirs, "node": [{"id": 900, "name": "10.9.0.1"}]}
    assert world.keeper.gid not in (None, 0)
    assert world.writes == 1


async def test_of_several_graphs_with_our_firewall_the_lowest_id_is_ours(world: GraphWorld) -> None:
    graph = world.store.graphs.rows.pop(0)
    world.store.graphs.rows[7] = graph | {"id": 7}
    world.store.graphs.rows[5] = graph | {"id": 5}
    world.store.graphs.rows[3] = {"id": 3, "node": [], "serviceGraph": False}

    await world.rest()

    assert world.keeper.gid == 5
    assert world.writes == 0
    assert world.keeper.alarms == 0


async def test_a_graph_of_which_the_answer_was_lost_is_not_made_twice() -> None:
    world = GraphWorld()

    def lost(request: httpx.Request, respond: Answers) -> httpx.Response:
        respond(request)
        raise httpx.ReadTimeout("lost", request=request)

    world.spoil = lambda request, respond: (
        lost(request, respond) if request.method == "POST" else respond(request)
    )
    with pytest.raises(TryLater):
        await world.keeper.step()
    world.spoil = None

    await world.rest()

    assert len(world.store.graphs.rows) == 1
    assert world.writes == 1


async def test_an_element_that_is_no_rule_is_handed_to_the_gate_once(world: GraphWorld) -> None:
    bad = rule(A, C, action="ALLOW_COND")
    world.rule(rule(A, B), bad, rule(B, C))

    await world.rest()
    world.keeper.close()
    await world.rest()

    (raw,) = world.outlet.raw
    assert b"ALLOW_COND" in raw
    assert said(world.changes()) == [("added", B, C)]


async def test_an_element_that_is_no_rule_any_more_is_ended(world: GraphWorld) -> None:
    world.rule(rule(A, B, action=None))

    await world.rest()

    assert said(world.changes()) == [("removed", A, B)]
    assert len(world.outlet.raw) == 1


async def test_a_default_that_nobody_asked_for_is_handed_to_the_gate_and_opens_nothing(
    world: GraphWorld,
) -> None:
    world.rule(rule(A, B), rule(B, C), default="ALLOW")

    await world.rest()
    await world.rest()

    assert len(world.outlet.raw) == 1
    assert [change.default_action for change in world.changes()] == [Action.DENY]
    assert said(world.changes()) == [("added", B, C)]


async def test_a_default_alone_is_told(world: GraphWorld) -> None:
    world.restart(default_allow=True)
    await world.rest()
    world.clear()
    world.rule(rule(A, B), default="ALLOW")

    await world.keeper.step()
    await world.keeper.step()

    (change,) = world.changes()
    assert change.default_action is Action.ALLOW
    assert said([change]) == []
    assert world.outlet.raw == []


async def test_many_rules_are_one_set_in_parts(world: GraphWorld) -> None:
    world.rule(*(rule(A, B, str(port)) for port in range(1, 1003)))

    await world.rest()
    await world.rest()

    sets = [change.change_set for change in world.changes()]
    assert [(each.part, each.of) for each in sets if each] == [(1, 3), (2, 3), (3, 3)]
    assert len({each.id for each in sets if each}) == 1


async def test_rules_of_others_on_the_topic_are_not_ended(world: GraphWorld) -> None:
    theirs = Rule(action=Action.ALLOW, source=C, destination=A, protocol=Protocol.TCP)
    change = FirewallChange(graph=GRAPH, firewall=FIREWALL, added=(theirs,))
    assert not change.polled

    await world.rest()

    assert world.changes() == []


async def test_a_set_that_an_earlier_keeper_never_finished_is_said_again(
    world: GraphWorld,
) -> None:
    world.rule(*(rule(A, B, str(port)) for port in range(1, 602)))
    await world.keeper.step()
    first = world.changes()[0]
    world.restart()
    world.clear_unsettled()
    world.hear(GraphFact(graph=GRAPH, change=first))

    await world.rest()

    added = {r.dst_port for change in world.changes() for r in change.added}
    assert sorted(added ^ ({str(port) for port in range(1, 602)} - {"80"})) == []


async def test_what_an_earlier_keeper_said_does_not_make_the_next_repeat_itself(
    world: GraphWorld,
) -> None:
    world.rule(rule(A, B), rule(B, A))
    await world.keeper.step()
    (first,) = world.changes()
    fact = GraphFact(graph=GRAPH, change=first, rev=(0, world.offset + 1))
    world.hear(fact)
    at = Source(topic=GRAPH_EDITS, partition=0, offset=world.offset)
    world.clear_unsettled()
    world.restart()
    world.rule(rule(A, B))
    await world.keeper.step()

    # The offset of the fact was not committed when the earlier one ended.
    world.keeper.heard(fact, at)
    await world.rest()

    assert said(world.changes()) == [("removed", B, A)]


async def test_troubles_in_writing_do_not_hold_up_the_rules(world: GraphWorld) -> None:
    def refuse(request: httpx.Request, respond: Answers) -> httpx.Response:
        return (
            httpx.Response(424, json={"status": 424})
            if request.method == "DELETE"
            else respond(request)
        )

    world.spoil = refuse
    world.claim("c", C, live=False)
    await world.rest()
    world.rule(rule(A, B), rule(B, A))

    await world.rest()

    assert said(world.changes()) == [("added", B, A)]
    assert world.writes == 1
    assert not world.keeper.aligned
    assert "424" in world.keeper.last_error


async def test_rules_ended_before_a_trouble_are_told_at_once(world: GraphWorld) -> None:
    def down(request: httpx.Request, respond: Answers) -> httpx.Response:
        if "PUT" in world.asked[:-1]:
            raise httpx.ConnectError("down", request=request)
        return respond(request)

    world.spoil = down
    world.claim("a", A, live=False)

    with pytest.raises(TryLater):
        await world.keeper.step()

    assert said(world.changes()) == [("removed", A, B)]


@pytest.mark.parametrize("status", [500, 503])
async def test_a_verefoo_that_cannot_be_read_is_not_written(world: GraphWorld, status: int) -> None:
    world.spoil = lambda _request, _respond: httpx.Response(status, json={})
    world.claim("a", A, live=False)

    with pytest.raises(TryLater):
        await world.keeper.step()

    assert world.asked == ["GET"]
    assert world.outlet.sent == []


async def test_lasting_trouble_is_asked_about_less_and_less_whoever_wakes_the_keeper(
    world: GraphWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def sleep(pause: float) -> None:
        world.keeper.wake()
        pauses.append(pause)
        if len(pauses) == 6:
            raise asyncio.CancelledError

    monkeypatch.setattr("agents.graph_keeper.asyncio.sleep", sleep)
    world.spoil = lambda _request, _respond: httpx.Response(500, json={})

    with pytest.raises(asyncio.CancelledError):
        await world.keeper.run()

    assert world.asked == ["GET"] * 6
    assert all(later > earlier for earlier, later in zip(pauses, pauses[2:], strict=False))
    assert max(pauses) <= LONGEST_SECONDS


async def test_a_write_that_is_refused_is_not_tried_at_every_poll(world: GraphWorld) -> None:
    def refuse(request: httpx.Request, respond: Answers) -> httpx.Response:
        return (
            httpx.Response(400, json={"status": 400})
            if request.method == "POST"
            else respond(request)
        )

    world.spoil = refuse
    world.claim("d", D)

    for _ in range(20):
        await world.rest()

    assert world.writes == 1
    assert world.keeper.polls == 22


async def test_a_graph_that_vanishes_half_way_is_looked_for_again(world: GraphWorld) -> None:
    def vanish(request: httpx.Request, respond: Answers) -> httpx.Response:
        if request.method == "POST":
            world.store.graphs.rows.clear()
        return respond(request)

    world.spoil = vanish
    world.claim("d", D)
    with pytest.raises(NotThere):
        await world.keeper.step()
    world.spoil = None

    await world.rest()

    assert world.pods() == {A, B, C, D}
    assert world.changes() == []
    assert world.keeper.alarms == 1


async def test_a_keeper_that_does_not_own_the_graph_asks_nothing(world: GraphWorld) -> None:
    world.owned = False
    world.claim("d", D)
    world.keeper.request_barrier("w")

    await world.rest()

    assert world.asked == []
    assert world.outlet.sent == []


async def test_a_keeper_that_loses_the_graph_writes_no_more(world: GraphWorld) -> None:
    def lose(request: httpx.Request, respond: Answers) -> httpx.Response:
        world.owned = request.method != "POST"
        return respond(request)

    world.spoil = lose
    world.claim("d", D)

    with pytest.raises(NotOurs):
        await world.keeper.step()

    assert world.writes == 1
    assert world.outlet.sent == []


async def test_a_keeper_that_was_closed_meanwhile_tells_nothing(world: GraphWorld) -> None:
    def close(request: httpx.Request, respond: Answers) -> httpx.Response:
        world.keeper.close()
        return respond(request)

    world.spoil = close
    world.rule()

    with pytest.raises(NotOurs):
        await world.keeper.step()

    assert world.outlet.sent == []


async def test_every_ownership_says_once_that_the_firewalls_were_read(world: GraphWorld) -> None:
    for _ in range(3):
        world.keeper.close()
        await world.rest()
        await world.rest()

    ids = [name for kind, name in world.marks() if kind is MarkKind.FIREWALLS_READ]
    assert len(ids) == len(set(ids)) == 3


async def test_many_pods_do_not_hold_up_the_rules() -> None:
    world = GraphWorld()
    world.list_all()
    await world.rest()
    world.clear()
    for number in range(MOST_WRITES):
        world.claim(f"p{number}", f"10.2.0.{number}")
    world.rule(rule(A, B))

    more = await world.keeper.step()

    assert more
    assert world.writes == MOST_WRITES
    assert not world.keeper.aligned
    assert said(world.changes()) == [("added", A, B)]
    await world.rest()
    assert world.writes == 2 * MOST_WRITES
    assert world.keeper.aligned


async def test_a_requested_barrier_comes_after_what_was_written_before_it(
    world: GraphWorld,
) -> None:
    world.rule(rule(A, B), rule(B, C))
    world.keeper.request_barrier("w")
    world.keeper.request_barrier("w")

    await world.rest()
    world.keeper.request_barrier("w")
    await world.rest()

    assert [sent.topic for sent in world.outlet.sent] == [FIREWALL_CHANGES] * 2
    assert said(world.changes()) == [("added", B, C)]
    assert world.marks() == [(MarkKind.BARRIER, "w")]


async def test_a_barrier_requested_during_a_poll_waits_for_the_next(world: GraphWorld) -> None:
    def request(request: httpx.Request, respond: Answers) -> httpx.Response:
        answer = respond(request)
        world.keeper.request_barrier("w")
        return answer

    world.spoil = request
    await world.rest()

    assert world.marks() == []
    world.spoil = None
    await world.rest()
    assert world.marks() == [(MarkKind.BARRIER, "w")]


async def test_a_barrier_requested_before_the_graph_came_here_is_sent(world: GraphWorld) -> None:
    world.owned = False
    await world.rest()
    world.keeper.request_barrier("w")
    world.owned = True

    await world.rest()

    assert (MarkKind.BARRIER, "w") in world.marks()


async def test_a_barrier_of_the_pods_is_answered_when_the_graph_is_so(world: GraphWorld) -> None:
    def fail(request: httpx.Request, respond: Answers) -> httpx.Response:
        return (
            httpx.Response(400, json={"status": 400})
            if request.method == "POST"
            else respond(request)
        )

    world.claim("d", D)
    world.mark(MarkKind.BARRIER, "w", 0)
    await world.rest()
    assert world.answered() == []
    world.spoil = fail
    world.claim("e", "10.1.0.5")
    world.mark(MarkKind.BARRIER, "w", 1)
    await world.rest()
    assert world.answered() == []
    world.spoil = None
    world.restart()

    await world.rest()
    await world.rest()

    assert world.answered() == ["w"]


async def test_what_is_told_in_sets_of_others_is_heard(world: GraphWorld) -> None:
    theirs = Rule(action=Action.ALLOW, source=C, destination=A, protocol=Protocol.TCP)
    zombie = FirewallChange(
        graph=GRAPH,
        firewall=FIREWALL,
        added=(theirs,),
        polled=True,
        change_set=ChangeSet(id="zombie-1", part=1, of=1),
    )

    world.hear(GraphFact(graph=GRAPH, change=zombie))
    await world.rest()

    assert said(world.changes()) == [("removed", C, A)]


async def test_the_rules_of_a_configured_graph_are_read_from_it() -> None:
    store = Store()
    first = GraphWorld(store)
    await first.rest()
    first.rule(rule(A, B))
    gid: Any = first.keeper.gid

    world = GraphWorld(store, gid=gid)
    await world.rest()

    assert said(world.changes()) == [("added", A, B)]
    assert world.writes == 0


async def until(holds: Callable[[], bool], within: float = 2.0) -> None:
    for _ in range(int(within / 0.005)):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came true")
