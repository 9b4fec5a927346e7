"""What is on a topic becomes a record, or a value that says why not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, Field

from streams.codec import (
    MAX_BYTES,
    MAX_DETAIL,
    Poison,
    RecordTooLarge,
    Unread,
    decode,
    encode,
)
from streams.faust_codec import RecordCodec, faust_type
from streams.records.base import Record


def _explode(text: str) -> str:
    if text == "bang":
        raise ZeroDivisionError("a validator nobody foresaw")
    if text == "too many files":
        raise OSError(text)
    return text


class Part(Record):
    number: int


class Thing(Record):
    pod_name: Annotated[str, AfterValidator(_explode)]
    labels: dict[str, str] = Field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    weight: float = 0.0


VALID = b'{"podName":"web","labels":{"a":"b"},"parts":[{"number":1}],"weight":1.5}'


def with_extra(text: bytes) -> bytes:
    return VALID[:-1] + b"," + text + b"}"


POISONS = {
    "empty": (b"", "empty"),
    "binary": (b"\xff\xfe\x00", "not-utf8"),
    "cut off": (VALID[:9], "not-json"),
    "byte order mark": (b"\xef\xbb\xbf" + VALID, "not-json"),
    "two objects": (VALID + VALID, "not-json"),
    "list": (b"[1]", "not-an-object"),
    "null": (b"null", "not-an-object"),
    "text": (b'"x"', "not-an-object"),
    "deep list": (b"[" * 100_000, "too-deep"),
    "deep object": (b'{"a":' * 100_000, "too-deep"),
    "somewhat deep": (with_extra(b'"x":' + b"[" * 300 + b"]" * 300), "too-deep"),
    "not a number": (with_extra(b'"x":NaN'), "not-json"),
    "infinity": (with_extra(b'"x":-Infinity'), "not-json"),
    "beyond any float": (with_extra(b'"x":1e999'), "number-too-big"),
    "5,000 digits": (with_extra(b'"x":' + b"9" * 5000), "number-too-big"),
    "twice the same key": (with_extra(b'"podName":"db"'), "duplicate-key"),
    "twice, deeper": (with_extra(b'"x":[{"y":1,"y":1}]'), "duplicate-key"),
    "lone surrogate": (with_extra(rb'"x":"\ud800"'), "lone-surrogate"),
    "surrogate, then text": (with_extra(rb'"x":"\ud800abcdef"'), "lone-surrogate"),
    "nothing in it": (b"{}", "missing-field"),
    "wrong type": (b'{"podName":7}', "bad-field"),
    "part of wrong shape": (b'{"podName":"web","parts":[3]}', "bad-field"),
    "validator fails": (b'{"podName":"bang"}', "bad-field"),
    "large": (with_extra(b'"x":"' + b"y" * MAX_BYTES + b'"'), "too-large"),
}


@pytest.mark.parametrize(("raw", "reason"), POISONS.values(), ids=POISONS.keys())
def test_what_is_no_record_becomes_poison_with_a_reason(raw: bytes, reason: str) -> None:
    poison = decode(raw, Thing)

    assert isinstance(poison, Poison)
    assert poison.reason == reason
    assert poison.raw == raw
    assert len(poison.detail) <= MAX_DETAIL


@pytest.mark.fault("F57")
@pytest.mark.row("G21")
def test_a_valid_record_and_unknown_fields_are_read() -> None:
    assert decode(with_extra(b'"newer":{"x":[1]}'), Thing) == Thing(
        pod_name="web", labels={"a": "b"}, parts=(Part(number=1),), weight=1.5
    )


def test_the_detail_names_the_path_of_the_field() -> None:
    poison = decode(b'{"podName":"web","parts":[{"number":1},{"number":"x"}]}', Thing)

    assert isinstance(poison, Poison)
    assert poison.detail.startswith("parts.1.number: ")


def test_the_detail_cannot_write_to_a_terminal() -> None:
    poison = decode(
        json.dumps({"podName": "web", "labels": {"\x1b[2J\n\u202e": 1}}).encode(), Thing
    )

    assert isinstance(poison, Poison)
    assert poison.detail.isprintable()
    assert poison.detail.isascii()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_poison(raw: bytes) -> None:
    assert isinstance(decode(raw, Thing), Thing | Poison)


@given(
    st.lists(
        st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 3), st.binary(max_size=3)),
        min_size=1,
        max_size=4,
    )
)
def test_a_damaged_record_is_a_record_or_poison(damage: list[tuple[int, int, bytes]]) -> None:
    raw = VALID
    for at, cut, put in damage:
        raw = raw[:at] + put + raw[at + cut :]

    value = decode(raw, Thing)

    assert isinstance(value, Thing | Poison)
    if isinstance(value, Thing):
        assert decode(encode(value), Thing) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional={"podName": JSON, "labels": JSON, "parts": JSON}))
def test_any_json_object_is_a_record_or_poison(value: dict[str, Any]) -> None:
    assert isinstance(decode(json.dumps(value).encode(), Thing), Thing | Poison)


@given(
    st.builds(
        Thing,
        pod_name=st.text(st.characters(codec="utf-8"), max_size=20),
        labels=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
        parts=st.lists(st.builds(Part, number=st.integers(-(10**18), 10**18))).map(tuple),
        weight=st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_what_was_written_is_read_again(thing: Thing) -> None:
    assert decode(encode(thing), Thing) == thing


def test_a_record_too_large_to_travel_stops_at_its_sender() -> None:
    with pytest.raises(RecordTooLarge):
        encode(Thing(pod_name="x" * MAX_BYTES))


def test_a_tombstone_passes_both_ways() -> None:
    codec = RecordCodec(Thing)

    assert codec.loads(None) is None
    assert codec.dumps(None) is None


def test_another_type_is_refused_by_the_codec() -> None:
    with pytest.raises(TypeError, match="expected Thing, got Part"):
        RecordCodec(Thing).dumps(Part(number=1))


def test_a_type_has_one_adapter() -> None:
    assert faust_type(Thing) is faust_type(Thing)
    assert faust_type(Thing) is not faust_type(Part)


def test_what_is_not_read_for_want_of_files_is_no_bad_record() -> None:
    raw = b'{"podName":"too many files"}'

    with pytest.raises(OSError, match="too many files"):
        decode(raw, Thing)
    unread = RecordCodec(Thing).loads(raw)

    assert isinstance(unread, Unread)
    assert isinstance(unread.error, OSError)


def test_nothing_is_left_to_be_loaded_when_a_record_cannot_be_read() -> None:
    # Once there were no files left to open, and the first bad record took the agent with it.
    told = "import sys, streams.codec; print('encodings.unicode_escape' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert ran.stdout == "True\n"
