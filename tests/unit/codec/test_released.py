"""Two versions that follow one another read each other's records: workers are replaced in turn."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codec import decode, encode
from streams.records.base import Record
from tests.fuzz.records import TYPES, as_sent_on, real_records
from tests.released.records import present, released
from tests.released.refusing import Refusing, bare

Json = dict[str, Any]

BEFORE, NOW = released(), present()
BY_NAME = {each.__name__: each for each in TYPES}
REAL = list(map(as_sent_on, real_records()))


@pytest.mark.parametrize("kept", ["topics", "tables"])
def test_what_the_version_before_has_is_still_there_and_carries_the_same(kept: str) -> None:
    assert BEFORE[kept].items() <= NOW[kept].items()


@pytest.mark.fault("F57")
def test_what_the_version_before_has_written_is_read() -> None:
    read = [decode(raw.encode(), BY_NAME[name]) for name, raw in BEFORE["written"]]

    assert [each for each in read if not isinstance(each, Record)] == []


@pytest.mark.parametrize("name", sorted(BEFORE["shapes"].keys() & BY_NAME))
def test_this_version_reads_whatever_the_version_before_may_write(name: str) -> None:
    assert Refusing(BEFORE["shapes"], NOW["shapes"]).of(name) == []


@pytest.mark.parametrize("name", sorted(BEFORE["shapes"].keys() & BY_NAME))
def test_the_version_before_reads_whatever_this_version_may_write(name: str) -> None:
    assert Refusing(NOW["shapes"], BEFORE["shapes"]).of(name) == []


def test_something_was_written_of_whatever_travels_or_is_kept() -> None:
    told = {*BEFORE["topics"].values(), *BEFORE["tables"].values()}

    assert {name for name, _ in BEFORE["written"]} == told


@given(st.sampled_from(REAL), st.data())
def test_fields_of_a_later_version_change_nothing_however_deep(
    record: Record, data: st.DataObject
) -> None:
    newer = st.sampled_from([None, 0, "x", [], {}, {"newer": [1]}])

    told = widened(record, json.loads(encode(record)), lambda: data.draw(newer))

    assert decode(json.dumps(told).encode(), type(record)) == record


def widened(value: object, told: Any, newer: Callable[[], Any]) -> Any:
    """Return what a record says, with one more field in each record of it."""
    if isinstance(value, Record):
        fields = type(value).model_fields
        aliases = {name: field.serialization_alias or name for name, field in fields.items()}
        known = {
            alias: widened(getattr(value, name), told[alias], newer)
            for name, alias in aliases.items()
            if alias in told
        }
        return {"fieldOfALaterVersion": newer(), **known}
    if isinstance(value, dict):
        return {key: widened(each, told[str(key)], newer) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [widened(each, said, newer) for each, said in zip(value, told, strict=True)]
    return told


THING: Json = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 9},
        "kind": {"type": "string", "enum": ["A", "B"]},
        "size": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "at": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "number"}]},
    },
    "required": ["name"],
}
PART: Json = {"type": "object", "properties": {"port": {"type": "integer"}}}
# Path → what the writer may write there, and the only thing that is said of it.
REFUSED = {
    "properties name maxLength": (20, "Thing.name has no maxLength of 9"),
    "properties name type": ("integer", "Thing.name may be integer, not string"),
    "properties kind enum": (["A", "C"], "Thing.kind may be C"),
    "properties kind": ({"type": "string"}, "Thing.kind may be anything"),
    "properties size anyOf": (
        [{"type": "integer", "minimum": 0}, {"type": "null"}],
        "Thing.size has no minimum of 1",
    ),
    "properties labels additionalProperties": ({}, "Thing.labels.* may be anything, not string"),
    "properties at prefixItems": ([{"type": "integer"}], "Thing.at[1] may be anything, not number"),
    "properties parts items": ({"type": "null"}, "Thing.parts[] may be null, not object"),
    "required": ([], "Thing.name need not be there"),
}  # fmt: skip


@pytest.mark.parametrize("path", REFUSED)
def test_what_would_be_refused_is_found(path: str) -> None:
    value, said = REFUSED[path]
    writer = copy.deepcopy(THING)
    *steps, last = path.split()
    inner = writer
    for step in steps:
        inner = inner[step]
    inner[last] = value

    found = Refusing({"Thing": writer, "Part": PART}, {"Thing": THING, "Part": PART}).of("Thing")

    assert found == [said]


def test_another_field_of_a_part_is_no_matter_unless_it_must_be_there() -> None:
    more = copy.deepcopy(PART)
    more["properties"]["name"] = {"type": "string"}
    must = {**more, "required": ["name"]}
    before, later, bad = ({"Thing": THING, "Part": each} for each in (PART, more, must))

    assert Refusing(before, later).of("Thing") == Refusing(later, before).of("Thing") == []
    assert Refusing(before, bad).of("Thing") == ["Thing.parts[].name need not be there"]


def test_a_word_that_is_not_compared_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="pattern"):
        bare({"type": "object", "properties": {"name": {"type": "string", "pattern": "a+"}}})
