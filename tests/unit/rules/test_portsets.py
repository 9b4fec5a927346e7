"""Set arithmetic on ports agrees with plain sets of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.records.ports import LAST_PORT, PortRange
from streams.records.views import PortSpan
from streams.rules.portsets import EVERYTHING, NOTHING, PortSet, from_spans
from streams.rules.ranges import ALL_PORTS, merged

EDGES = [0, 1, 2, 5, 6, 9, LAST_PORT - 1, LAST_PORT]
pieces = st.tuples(st.sampled_from(EDGES), st.sampled_from(EDGES)).map(
    lambda ends: PortRange(min(ends), max(ends))
)
ranges = st.lists(pieces, max_size=4).map(merged)
portsets = st.builds(PortSet, ranges, ranges, ranges, st.booleans())


def ranges_of(*pairs):
    return tuple(PortRange(*pair) for pair in pairs)


def members(portset):
    found = {
        (name, port)
        for name in ("tcp", "udp", "sctp")
        for port in (*range(12), LAST_PORT - 2, LAST_PORT - 1, LAST_PORT)
        if any(first <= port <= last for first, last in getattr(portset, name))
    }
    return found | ({"other"} if portset.other else set())


@given(portsets, portsets)
def test_operators_agree_with_sets_of_numbers(one, two):
    assert members(one | two) == members(one) | members(two)
    assert members(one & two) == members(one) & members(two)
    assert members(one - two) == members(one) - members(two)


@given(portsets, portsets)
def test_equal_content_is_equal_value(one, two):
    again = (one - two) | (one & two)

    assert again == one
    assert hash(again) == hash(one)


@given(portsets)
def test_everything_and_nothing_are_the_ends_of_the_scale(one):
    assert one | EVERYTHING == EVERYTHING
    assert one - EVERYTHING == NOTHING
    assert (EVERYTHING - one) | one == EVERYTHING
    assert not NOTHING
    assert bool(one) == (one != NOTHING)


@given(portsets)
def test_a_set_survives_its_way_through_records(one):
    again = from_spans(one.spans())

    assert members(again) == members(one) - {"other"}


def test_a_protocol_without_ports_is_refused():
    with pytest.raises(ValueError, match="OTHER has no ports"):
        from_spans([PortSpan(protocol="OTHER", first=1, last=2)])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (EVERYTHING, EVERYTHING),
        (PortSet(other=True), NOTHING),
        (PortSet(tcp=ranges_of((0, 0))), NOTHING),
        (PortSet(tcp=ranges_of((0, 80))), PortSet(tcp=ranges_of((1, 80)))),
        (PortSet(tcp=ALL_PORTS), PortSet(tcp=ALL_PORTS)),
        (EVERYTHING - PortSet(udp=ranges_of((53, 53))), None),
    ],
)
def test_what_cannot_be_said_is_left_out(given, said):
    result = given.sayable()

    assert result - given == NOTHING
    if said is not None:
        assert result == said
    else:
        assert result.tcp == ((0, LAST_PORT),)
        assert result.udp == ((1, 52), (54, LAST_PORT))
        assert not result.other
