"""What a change leaves out, where its rules stand in an order, and what is said once more."""

from __future__ import annotations

import pytest

from streams.flow import router
from streams.records.facts import FirewallChange, GraphFact
from streams.records.rules import Action, Rule
from tests.unit.flow.records import FIREWALL, Routed, allow, change, claim, opening

A, B, C = allow("a", "b", 1), allow("a", "b", 2), allow("a", "b", 3)


def world(*facts: GraphFact) -> Routed:
    routed = Routed()
    routed.tell(claim("a", 0), claim("b", 1), *facts, *opening())
    return routed


def firewall(routed: Routed) -> tuple[Action, bool]:
    row = routed.graph.index.firewalls[FIREWALL]
    return row.default_action, row.ordered


def standing(routed: Routed) -> list[Rule]:
    rows = (row for row in routed.graph.index.rules.values() if not row.dropped)
    return [row.rule for row in sorted(rows, key=lambda row: row.place)]


def forwarded(rev: int, origin: int, **said: object) -> GraphFact:
    return change(rev, **said).model_copy(update={"origin": (5, origin)})


@pytest.mark.parametrize("said", [{"added": (B,)}, {"removed": (A,)}], ids=["added", "removed"])
def test_rules_that_come_and_go_leave_default_and_order_as_they_are(said: dict) -> None:
    routed = world(change(0, elements=(A,), default_action="ALLOW", ordered=True))

    routed.tell(change(1, **said))

    assert firewall(routed) == (Action.ALLOW, True)


def test_a_whole_list_that_says_neither_denies_and_has_no_order() -> None:
    routed = world(change(0, elements=(A,), default_action="ALLOW", ordered=True))

    routed.tell(change(1, elements=(A,)))

    assert firewall(routed) == (Action.DENY, False)


def test_the_parts_of_a_set_speak_for_their_firewall_together() -> None:
    sets = [{"id": "s", "part": part, "of": 2} for part in (1, 2)]
    first = change(0, elements=(A,), ordered=True, change_set=sets[0])

    routed = world(first, change(1, elements=(B,), change_set=sets[1]))

    assert firewall(routed) == (Action.DENY, True)
    assert standing(routed) == [A, B]


def test_what_is_added_to_an_ordered_list_stands_behind_it() -> None:
    routed = world(change(0, elements=(C, B), ordered=True))

    routed.tell(change(1, added=(A,)), change(2, removed=(C,)), change(3, added=(C,)))

    assert standing(routed) == [B, A, C]


def test_what_is_added_again_stands_where_it_stood() -> None:
    routed = world(change(0, elements=(C,), ordered=True), change(1, added=(A,)))

    routed.tell(change(2, added=(B,)), change(3, added=(A,)))

    assert standing(routed) == [C, A, B]


def test_met_again_an_addition_to_an_ordered_list_is_the_same_addition() -> None:
    routed = world(change(0, elements=(C,), ordered=True), change(1, added=(A,)))
    known = dict(routed.rows)

    routed.again(3)

    assert routed.rows == known


def test_a_change_that_was_sent_on_twice_counts_once() -> None:
    routed = world(forwarded(0, 7, added=(A,)), forwarded(1, 8, removed=(A,)))

    routed.tell(forwarded(2, 7, added=(A,)), forwarded(3, 8, removed=(A,)))

    assert standing(routed) == []


def test_what_was_sent_on_is_remembered_beside_what_was_not() -> None:
    routed = world(forwarded(0, 7, added=(A,)), change(1, removed=(A,)))

    routed.restart()
    routed.tell(forwarded(2, 7, added=(A,)))

    assert standing(routed) == []


def test_what_was_sent_on_last_is_not_forgotten() -> None:
    routed = world(forwarded(0, 7, added=(A,)), change(1, removed=(A,)))

    router.forget(routed.graph, committed=100)
    routed.restart()
    routed.tell(forwarded(2, 7, added=(A,)))

    assert standing(routed) == []


def test_a_default_alone_must_be_said() -> None:
    with pytest.raises(ValueError, match="say one of"):
        FirewallChange(graph="main", firewall=FIREWALL)

    assert FirewallChange(firewall=FIREWALL, default_action="DENY").elements is None
