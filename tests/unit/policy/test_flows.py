"""All flows at once are the flows of every pair, read one by one."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.policy.flows import Flows
from streams.policy.reach import Reach, both_sides
from streams.rules.portsets import EVERYTHING
from tests.unit.policy.drawn import NAMESPACES, pods, policies
from tests.unit.policy.test_reach import A, B, as_read, into_b, read_independently


def named(known: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {pod["metadata"]["name"]: pod for pod in known}


@given(pods(), st.lists(policies(), max_size=4))
@settings(max_examples=3 * settings().max_examples)
def test_they_agree_with_an_independent_reading(
    known: list[dict[str, Any]], written: list[dict[str, Any]]
) -> None:
    found = {(one, two): ports for one, two, ports in Flows(named(known), written, NAMESPACES)}

    for one in known:
        for two in known:
            pair = one["metadata"]["name"], two["metadata"]["name"]
            told = read_independently(written, known, one, two)
            if pair[0] == pair[1]:
                assert pair not in found
            elif pair in found:
                assert as_read(Reach(found[pair])) == told
            else:
                assert not any((told.tcp, told.udp, told.sctp, told.icmp))


@given(pods(), st.lists(policies(), max_size=4))
def test_walls_are_the_policies_that_close_a_side(
    known: list[dict[str, Any]], written: list[dict[str, Any]]
) -> None:
    flows = Flows(named(known), written, NAMESPACES)
    one, two = known[:2]

    egress, ingress = both_sides(written, one, two, NAMESPACES)

    assert sorted(flows.wall("Egress", "pod-0").policies) == list(egress.policies)
    assert sorted(flows.wall("Ingress", "pod-1").policies) == list(ingress.policies)


def test_a_named_port_is_the_one_the_destination_gives_that_name() -> None:
    flows = Flows(named([A, B]), [into_b({"port": "http"})])

    assert flows.between("a", "b").tcp == ((81, 81),)
    assert flows.between("b", "a") == EVERYTHING
