"""What opens and what closes when other policies are stored is told, pair by pair."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.policy.changing import changes
from streams.policy.flows import Flows
from streams.rules.portsets import EVERYTHING, NOTHING
from streams.rules.spaces import NOWHERE
from tests.unit.policy.drawn import NAMESPACES, pods, policies
from tests.unit.policy.test_comparing import CLOSED, HTTP, OPENED, OUTSIDE, PORTS, TWO, policy
from tests.unit.policy.test_flows import named

some = st.lists(policies(), max_size=4)


@given(pods(), some, some)
def test_what_was_with_the_changes_is_what_will_be(
    known: list[dict[str, Any]], old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    before, after = (Flows(named(known), written, NAMESPACES) for written in (old, new))

    found = {(each.source, each.destination): each for each in changes(before, after, NOWHERE)}

    for one in before.names:
        for two in before.names:
            if one == two:
                continue
            was, now = before.between(one, two), after.between(one, two)
            change = found.get((one, two))
            assert (change is None) == (was == now)
            if change is not None:
                assert (was | change.opens) - change.closes == now
                assert not change.opens & was
                assert not change.closes - was


@given(pods(), some)
def test_the_same_policies_change_nothing(
    known: list[dict[str, Any]], written: list[dict[str, Any]]
) -> None:
    flows = Flows(named(known), written, NAMESPACES)

    assert list(changes(flows, flows, OUTSIDE)) == []


def test_the_first_policies_close_everything_but_what_they_say() -> None:
    found = {
        (each.source, each.destination): (each.opens, each.closes)
        for each in changes(Flows(TWO, []), Flows(TWO, OPENED), NOWHERE)
    }

    assert found == {
        ("default/a", "default/b"): (NOTHING, EVERYTHING - HTTP),
        ("default/b", "default/a"): (NOTHING, EVERYTHING),
    }


def test_addresses_outside_are_told_by_the_first_of_them() -> None:
    resolver = {"ipBlock": {"cidr": "8.8.8.8/32"}}
    after = [policy("a", "a", egress=[{"to": [resolver], "ports": PORTS}]), CLOSED[1]]

    (found,) = changes(Flows(TWO, CLOSED), Flows(TWO, after), OUTSIDE)

    assert (found.source, found.destination) == ("default/a", "8.8.8.8")
    assert (found.opens, found.closes) == (HTTP, NOTHING)
