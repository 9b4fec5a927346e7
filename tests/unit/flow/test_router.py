"""What the router and the compilers make of one graph's facts, and how often they speak."""

from __future__ import annotations

import pytest

from streams.flow import router
from streams.records.facts import ChangeSet, GraphFact
from streams.records.marks import MarkKind
from streams.records.rules import Rule
from tests.unit.flow.records import (
    GRAPH,
    ROUTING,
    Routed,
    address_of,
    allow,
    at,
    change,
    claim,
    listed,
    opening,
)

PODS = [claim(name, rev) for rev, name in enumerate("abcd")]


def open_world(*facts) -> Routed:
    world = Routed()
    world.tell(*PODS, *facts, *opening())
    return world


def keys(patches) -> list[str]:
    return sorted(patch.key.rpartition("/")[2] for patch in patches)


def policies(world: Routed) -> dict:
    return {
        key: (row.patch.digest, row.patch.pod_uid)
        for key, row in world.compiled.items()
        if row.patch is not None
    }


def test_nothing_is_said_before_the_first_sync_and_then_once_for_every_pod():
    world = Routed()

    assert world.tell(*PODS, change(0, added=(allow("a", "b"),))) == []
    assert keys(world.tell(*opening())) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("first", [0, 1], ids=["listing", "rules"])
def test_whichever_mark_comes_last_tells_that_all_was_said(first):
    world = Routed()
    marks = opening()
    world.tell(*PODS, marks[first])

    sent = router.handle(world.graph, marks[1 - first], at(9), ROUTING)

    assert sent[-1].value.mark.kind is MarkKind.SYNCED


def test_a_rule_costs_the_two_policies_it_changes():
    assert keys(open_world().tell(change(0, added=(allow("a", "b"),)))) == ["a", "b"]


def test_a_pod_event_costs_its_own_policy_and_those_of_its_peers():
    world = open_world(change(0, added=(allow("a", "b"), allow("c", "a"))))

    assert keys(world.tell(claim("a", 9, live=False))) == ["a", "b", "c"]


def test_facts_that_say_nothing_new_cost_nothing():
    world = open_world(change(0, added=(allow("a", "b"),)))

    told = [
        *[claim(name, rev) for rev, name in enumerate("abcd")] * 3,
        *[change(rev, elements=(allow("a", "b"),)) for rev in (1, 2, 3)],
        *[change(rev, added=(allow("a", "b"),)) for rev in (4, 5, 6)],
        *opening()[:1] * 3,
    ]

    assert world.tell(*told) == []


CHANGES = [
    {"added": (allow("a", "b"),)},
    {"elements": (allow("b", "c"), allow("10.0.0.-1", "a"))},
    {"added": (allow("a", "d", 443),)},
    {"removed": (allow("b", "c"),)},
    {"gone": True},
    {"elements": (allow("c", "d"), allow("*", "b"))},
]


def test_every_step_doubled_says_nothing_more():
    once, twice = open_world(), open_world()
    steps = [change(rev, **said) for rev, said in enumerate(CHANGES)]
    doubled = [
        change(2 * rev + more, **said) for rev, said in enumerate(CHANGES) for more in (0, 1)
    ]

    assert keys(once.tell(*steps)) == keys(twice.tell(*doubled))
    assert policies(once) == policies(twice)


def test_a_walk_there_and_back_ends_where_it_began():
    world = open_world()
    before = policies(world)
    rules = [allow("a", "b"), allow("10.0.0.-1", "c"), allow("d", "a", "1-99")]
    there = [change(rev, added=(rule,)) for rev, rule in enumerate(rules)]
    back = [change(9 + rev, removed=(rule,)) for rev, rule in enumerate(reversed(rules))]

    world.tell(*there, *back)

    assert policies(world) == before


def test_a_change_said_again_after_a_newer_one_does_not_come_back():
    world = open_world(change(0, added=(allow("a", "b"),)), change(1, removed=(allow("a", "b"),)))

    assert world.tell(change(0, added=(allow("a", "b"),))) == []


def test_a_fact_met_again_speaks_again_for_all_it_touched():
    world = open_world(change(0, added=(allow("c", "d"),)))
    world.tell(change(1, added=(allow("a", "b"),)))
    world.restart()

    views = world.again(len(world.facts) - 1)

    assert sorted(sent.key for sent in views) == ["local/default/a", "local/default/b"]


def part(rev: int, number: int, *rules: Rule) -> GraphFact:
    return change(rev, elements=rules, change_set=ChangeSet(id="put", part=number, of=2))


def test_a_set_counts_when_its_last_part_is_there():
    world = open_world()

    assert world.tell(part(0, 1, allow("a", "b"))) == []
    assert keys(world.tell(part(1, 2, allow("c", "d")))) == ["a", "b", "c", "d"]


def test_the_last_part_of_a_set_met_alone_again_still_has_the_others():
    world = open_world()
    world.tell(part(0, 1, allow("a", "b")), part(1, 2, allow("c", "d")))
    world.restart()

    assert len(world.again(len(world.facts) - 1)) == 4


def test_parts_go_once_no_replay_can_ask_for_them():
    world = open_world()
    world.tell(part(0, 1, allow("a", "b")), part(1, 2, allow("c", "d")), change(2, gone=True))

    router.forget(world.graph, len(world.facts) - 2)
    kept = len(world.graph.index.parts)
    router.forget(world.graph, len(world.facts))

    assert (kept, len(world.graph.index.parts)) == (2, 0)


def test_the_mark_that_made_the_router_speak_does_so_again_whatever_came_since():
    world = open_world()
    opened = len(world.facts) - 1
    world.tell(GraphFact(graph=GRAPH, mark=listed(0, lease=2)))

    sent = world.again(opened)

    assert len([each for each in sent if each.value.mark is None]) == len(PODS)


def test_a_pod_that_was_forgotten_does_not_come_back_with_a_late_word():
    world = open_world()
    world.tell(claim("a", 9, live=False))
    end = len(world.facts)
    for committed in (end, end + 1):
        router.forget(world.graph, committed)
    assert "local/default/a" not in world.graph.index.pods

    assert world.tell(claim("a", 0)) == []


def test_an_end_binds_to_whom_the_rule_was_meant_for():
    meant = {address_of("a"): "uid-a", address_of("b"): "uid-of-an-earlier-pod"}
    world = open_world()

    assert world.tell(change(0, added=(allow("a", "b"),), holders=meant)) == []


def test_who_reuses_an_address_inherits_nothing():
    world = open_world(change(0, added=(allow("a", "b"),)))
    world.tell(claim("b", 8, live=False))

    patches = world.tell(claim("e", 9, address=address_of("b")))

    assert keys(patches) == ["e"]
    assert "10.0.0" not in str(patches[0].manifest)
    assert "'app': 'a'" not in str(patches[0].manifest)


def test_a_parked_end_binds_to_its_first_holder_and_to_no_later_one():
    world = open_world(change(0, added=(allow("a", "e"),)))

    first = world.tell(claim("e", 7))
    gone = world.tell(claim("e", 8, live=False))
    second = world.tell(claim("e", 9, uid="uid-e2"))

    assert [keys(patches) for patches in (first, gone, second)] == [["a", "e"], ["a", "e"], ["e"]]


@pytest.mark.row("X28")
def test_a_rule_on_two_firewalls_holds_until_neither_has_it():
    world = open_world()
    rule = allow("a", "b", 443)

    said = [
        world.tell(change(20 + step, firewall=wall, elements=rules))
        for step, (wall, rules) in enumerate(
            [("10.9.0.2", [rule]), ("10.9.0.3", [rule]), ("10.9.0.2", []), ("10.9.0.3", [])]
        )
    ]

    assert [keys(patches) for patches in said] == [["a", "b"], [], [], ["a", "b"]]
    assert "443" in str(said[0])
    assert "443" not in str(said[3])


def test_a_rule_removed_by_delta_goes_from_an_ordered_list_too():
    world = open_world(change(0, elements=(allow("c", "d"), allow("a", "b")), ordered=True))

    assert keys(world.tell(change(1, removed=(allow("a", "b"),)))) == ["a", "b"]
