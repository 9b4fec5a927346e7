"""The rules of one firewall, spread over those of its pods, mean what they meant."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from streams.flow.moving import overlap, spread
from streams.records.addresses import ANY_ADDRESS
from streams.records.rules import Action, Protocol, Rule
from tests.unit.rules.brute_force import packets, passes

ADDRESSES = ("10.1.0.1", "10.1.0.2", "10.1.7.3")
PARKED = "10.9.0.9"
FRONTS = {address: f"10.0.0.{number}" for number, address in enumerate(ADDRESSES)}
ends = st.sampled_from([*ADDRESSES, PARKED, "*", "10.1.0.-1", "10.-1.0.1", "10.1.-1.3"])
rules = st.lists(
    st.builds(
        Rule,
        action=st.sampled_from(Action),
        source=ends,
        destination=ends,
        protocol=st.sampled_from([Protocol.TCP, Protocol.UDP, Protocol.ANY, Protocol.OTHER]),
        dst_port=st.sampled_from(["*", "80", "80-90"]),
    ),
    max_size=8,
    unique=True,
)


@given(rules)
def test_the_union_of_the_parts_allows_what_the_whole_allows(whole: list[Rule]) -> None:
    parts = spread(whole, FRONTS)

    for source, destination in permutations((*ADDRESSES, PARKED), 2):
        for packet in packets(whole):
            about = (source, destination, packet)
            union = any(passes(part, "DENY", False, *about) for part in parts.values())
            assert union == passes(whole, "DENY", False, *about)


@given(rules)
def test_the_firewalls_of_both_ends_allow_what_the_whole_allows(whole: list[Rule]) -> None:
    parts = spread(whole, FRONTS)

    for source, destination in permutations(ADDRESSES, 2):
        for packet in packets(whole):
            about = (source, destination, packet)
            for end in (source, destination):
                part = parts.get(FRONTS[end], [])
                assert passes(part, "DENY", False, *about) == passes(whole, "DENY", False, *about)


@given(rules)
def test_no_rule_is_lost_and_none_comes(whole: list[Rule]) -> None:
    parts = spread(whole, FRONTS)

    assert {rule for part in parts.values() for rule in part} == set(whole)
    assert all(len(set(part)) == len(part) for part in parts.values())


@given(rules)
def test_one_for_any_address_takes_all(whole: list[Rule]) -> None:
    parts = spread(whole, {ANY_ADDRESS: "10.0.0.1"})

    assert sorted(map(repr, parts["10.0.0.1"])) == sorted(map(repr, whole))


@given(rules.filter(lambda some: len(some) > 1))
def test_rules_that_meet_in_some_packet_overlap(some: list[Rule]) -> None:
    one, two = some[:2]
    for source, destination in permutations((*ADDRESSES, PARKED), 2):
        for packet in packets(some):
            about = (source, destination, packet)
            both = [each.model_copy(update={"action": Action.ALLOW}) for each in (one, two)]
            if all(passes([each], "DENY", False, *about) for each in both):
                assert overlap(one, two)


def test_without_targets_nothing_is_spread() -> None:
    rule = Rule(
        action=Action.ALLOW, source="*", destination="*", protocol=Protocol.TCP, dst_port="80"
    )

    assert spread([rule], {}) == {}
