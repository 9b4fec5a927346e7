"""A record's headers name a span to follow, or nothing: whatever bytes stand there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.traceparent import HEADER, MOST_HEADERS, TraceParent, parent_in

GOOD = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PARENT = TraceParent(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, True)

parents = st.builds(
    TraceParent,
    st.integers(min_value=1, max_value=2**128 - 1),
    st.integers(min_value=1, max_value=2**64 - 1),
    st.booleans(),
)
# What begins well and goes wrong later is what a careless reader would let through.
spoiled = st.builds(
    lambda at, byte: GOOD[:at] + byte + GOOD[at + 1 :],
    st.integers(min_value=0, max_value=len(GOOD)),
    st.binary(max_size=2),
)
others = st.tuples(st.text(max_size=20).filter(lambda name: name != HEADER), st.binary())


@given(parents, st.lists(others, max_size=MOST_HEADERS // 2), st.lists(others, max_size=20))
def test_what_travels_is_read_again_among_other_headers(
    parent: TraceParent, before: list[Any], behind: list[Any]
) -> None:
    headers = [*before, (HEADER, parent.text.encode()), *behind]

    assert parent_in(headers) == parent
    assert parent_in(tuple(headers)) == parent


@given(st.binary() | spoiled | st.none())
def test_any_bytes_are_a_span_in_exactly_one_form_or_nothing(value: bytes | None) -> None:
    found = parent_in([(HEADER, value)])

    if found is not None:
        assert value is not None
        assert re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", value)
        # Nothing of it goes on but the two numbers and one bit.
        assert found.text.encode()[:-2] == value[:-2]
        assert found.text[-2:] in ("00", "01")
        assert found.trace_id > 0
        assert found.span_id > 0


@pytest.mark.parametrize(
    "value",
    [
        b"",
        GOOD.upper(),
        GOOD[:-1],
        GOOD + b"\n",
        GOOD + b"-more",
        b" " + GOOD,
        b"01" + GOOD[2:],
        b"ff" + GOOD[2:],
        b"00-" + b"0" * 32 + GOOD[35:],
        GOOD[:36] + b"0" * 16 + GOOD[52:],
        "\N{FULLWIDTH DIGIT ONE}".encode() * 20,
        b"x" * 1_000_000,
    ],
)
def test_what_is_not_of_the_form_says_nothing(value: bytes) -> None:
    assert parent_in([(HEADER, value)]) is None


def test_headers_that_contradict_each_other_or_are_too_many_say_nothing() -> None:
    assert parent_in([(HEADER, GOOD)]) == PARENT
    assert parent_in([(HEADER, GOOD), (HEADER, GOOD)]) is None
    assert parent_in([(HEADER, b""), (HEADER, GOOD)]) is None
    many = [(f"name-{number}", b"") for number in range(MOST_HEADERS)]
    assert parent_in([*many[1:], (HEADER, GOOD)]) == PARENT
    assert parent_in([*many, (HEADER, GOOD)]) is None


def test_no_headers_say_nothing() -> None:
    assert parent_in(None) is None
    assert parent_in([]) is None


def test_only_the_bit_that_says_sampled_goes_on() -> None:
    told = {flags: parent_in([(HEADER, GOOD[:-2] + b"%02x" % flags)]) for flags in range(256)}

    assert all(each is not None and each.sampled == bool(flags & 1) for flags, each in told.items())
