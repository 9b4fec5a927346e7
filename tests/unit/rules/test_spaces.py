"""Sets of addresses say exactly what patterns and networks cover, in as few words as there are."""

from __future__ import annotations

import re
from ipaddress import (
    IPv4Address,
    collapse_addresses,
    ip_address,
    ip_network,
    summarize_address_range,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.records.addresses import matches
from streams.records.views import Block
from streams.rules.spaces import (
    EVERYWHERE,
    NOWHERE,
    Piece,
    Space,
    around,
    blocks,
    divided,
    inside,
    merged,
    minus,
    networks,
    space_of,
)

# Few and near each other, so that sets touch, overlap and lie in each other.
numbers = st.integers(0, 40) | st.integers((1 << 32) - 20, (1 << 32) - 1)
pieces = st.tuples(numbers, numbers).map(lambda ends: Piece(min(ends), max(ends)))
spaces = st.lists(pieces, max_size=5).map(merged)
octets = st.sampled_from(["0", "1", "8", "255", "-1"])
patterns = st.tuples(octets, octets, octets, octets).map(".".join) | st.just("*")
addresses = st.tuples(*[st.sampled_from([0, 1, 2, 8, 254, 255])] * 4).map(
    lambda each: ".".join(map(str, each))
)
EDGES = [*range(42), *((1 << 32) - number for number in range(1, 22))]


def has(space: Space, number: int) -> bool:
    return any(first <= number <= last for first, last in space)


def in_blocks(said: tuple[Block, ...], number: int) -> bool:
    """Tell as Kubernetes does whether an address is in one of the blocks."""
    address = ip_address(number)
    return any(
        address in ip_network(each.cidr)
        and not any(address in ip_network(hole) for hole in each.excepted)
        for each in said
    )


@given(patterns, addresses)
def test_a_pattern_covers_what_rules_say_it_does(pattern: str, address: str) -> None:
    space = space_of(pattern)

    if space is None:
        assert "-1." in re.sub(r"(\.-1)+$", "", pattern) + "."
    else:
        assert has(space, int(IPv4Address(address))) == matches(pattern, address)


@given(spaces, spaces)
def test_what_is_taken_away_is_not_there_and_the_rest_is(one: Space, two: Space) -> None:
    left = minus(one, two)

    assert [has(left, n) for n in EDGES] == [has(one, n) and not has(two, n) for n in EDGES]
    assert merged(left) == left


@given(spaces)
def test_blocks_say_exactly_the_set(space: Space) -> None:
    said = blocks(space)

    assert inside(said) == space
    assert [in_blocks(said, n) for n in EDGES] == [has(space, n) for n in EDGES]
    for block in said:
        # The API server wants exceptions strictly inside.
        assert all(
            hole != block.cidr and ip_network(hole).subnet_of(ip_network(block.cidr))
            for hole in block.excepted
        )


@given(spaces)
def test_blocks_are_no_more_than_plain_networks_would_be(space: Space) -> None:
    plain = collapse_addresses(
        network
        for first, last in space
        for network in summarize_address_range(IPv4Address(first), IPv4Address(last))
    )

    assert sum(1 + len(each.excepted) for each in blocks(space)) <= len(list(plain))


@given(st.lists(spaces, max_size=4), spaces)
def test_a_set_falls_into_pieces_that_lie_in_others_wholly_or_not_at_all(
    others: list[Space], within: Space
) -> None:
    found = list(divided(others, within))

    assert merged(piece for piece, _ in found) == within
    assert sum(last - first + 1 for (first, last), _ in found) == sum(
        last - first + 1 for first, last in within
    )
    for piece, members in found:
        for end in (piece.first, piece.last, (piece.first + piece.last) // 2):
            assert members == {n for n, space in enumerate(others) if has(space, end)}


@given(patterns, addresses)
def test_all_that_a_pattern_covers_is_around_it(pattern: str, address: str) -> None:
    assert has(around(pattern), int(IPv4Address(address))) or not matches(pattern, address)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (NOWHERE, ()),
        (EVERYWHERE, (Block(cidr="0.0.0.0/0"),)),
        (
            minus(EVERYWHERE, networks(["10.244.0.0/16"])),
            (Block(cidr="0.0.0.0/0", excepted=("10.244.0.0/16",)),),
        ),
        (networks(["10.0.0.0/25", "10.0.0.128/25"]), (Block(cidr="10.0.0.0/24"),)),
        (
            minus(networks(["10.0.0.0/8", "192.168.0.0/16"]), networks(["10.1.2.3/32"])),
            (
                Block(cidr="10.0.0.0/8", excepted=("10.1.2.3/32",)),
                Block(cidr="192.168.0.0/16"),
            ),
        ),
    ],
)
def test_some_sets_in_the_words_that_people_would_use(
    space: Space, said: tuple[Block, ...]
) -> None:
    assert blocks(space) == said
