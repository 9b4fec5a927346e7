"""What a reader would refuse of what a writer may write, read off the shapes of both.

A shape is a JSON schema as pydantic makes it of our records: none other is understood.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

ANNOTATIONS = {"title", "description", "default"}
AT_MOST = ("maximum", "maxLength", "maxItems", "maxProperties")
AT_LEAST = ("minimum", "minLength", "minItems")
UNDERSTOOD = {
    *("$ref", "anyOf", "type", "enum", "const", "properties", "required"),
    *("additionalProperties", "propertyNames", "items", "prefixItems", *AT_MOST, *AT_LEAST),
}
REF = "#/$defs/"
PARTS = {"additionalProperties": ".*", "propertyNames": ".(name)", "items": "[]"}


def bare(shape: Any) -> Any:
    """Return a shape without what is for people alone; raise ValueError for a word not known."""
    if not isinstance(shape, dict):
        return shape
    if unknown := set(shape) - UNDERSTOOD - ANNOTATIONS:
        raise ValueError(f"shapes are not compared by {', '.join(sorted(unknown))}")
    found = {}
    for word, told in shape.items():
        if word == "properties":
            found[word] = {name: bare(each) for name, each in told.items()}
        elif word in ("anyOf", "prefixItems"):
            found[word] = [bare(each) for each in told]
        elif word not in ANNOTATIONS:
            found[word] = bare(told)
    return found


class Refusing:
    """The shapes of a writer's and of a reader's records, by name."""

    def __init__(self, writer: Json, reader: Json) -> None:
        """Take the shapes of both."""
        self._writer = writer
        self._reader = reader

    def of(self, name: str) -> list[str]:
        """Return what of a record the reader may refuse; nothing, if it reads all of them."""
        return list(self._refused(self._writer[name], self._reader[name], name))

    def _refused(self, writer: Json, reader: Json, path: str) -> Iterator[str]:
        writer, reader = _meant(writer, self._writer), _meant(reader, self._reader)
        if "anyOf" in writer:
            for each in writer["anyOf"]:
                yield from self._refused(each, reader, path)
        elif "anyOf" in reader:
            found = [list(self._refused(writer, each, path)) for each in reader["anyOf"]]
            if all(found):
                # What is nearest to what was written says most.
                yield from min(found, key=len)
        else:
            yield from _values(writer, reader, path)
            yield from self._parts(writer, reader, path)

    def _parts(self, writer: Json, reader: Json, path: str) -> Iterator[str]:
        there = writer.get("properties", {})
        for name in set(reader.get("required", ())) - set(writer.get("required", ())):
            yield f"{path}.{name} need not be there"
        for name, each in reader.get("properties", {}).items():
            if name in there:
                yield from self._refused(there[name], each, f"{path}.{name}")
        for word, step in PARTS.items():
            if isinstance(reader.get(word), dict):
                yield from self._refused(writer.get(word, {}), reader[word], path + step)
        for number, each in enumerate(reader.get("prefixItems", ())):
            (told,) = writer.get("prefixItems", [])[number : number + 1] or [{}]
            yield from self._refused(told, each, f"{path}[{number}]")


def _meant(shape: Json, shapes: Json) -> Json:
    found: Json = shapes[shape["$ref"].removeprefix(REF)] if "$ref" in shape else shape
    return found


def _values(writer: Json, reader: Json, path: str) -> Iterator[str]:
    numbers = (writer.get("type"), reader.get("type")) == ("integer", "number")
    if "type" in reader and writer.get("type") != reader["type"] and not numbers:
        yield f"{path} may be {writer.get('type', 'anything')}, not {reader['type']}"
    if allowed := _named(reader):
        named = _named(writer)
        if not named or not named <= allowed:
            yield f"{path} may be {', '.join(sorted(map(str, named - allowed))) or 'anything'}"
    for word in AT_MOST:
        if word in reader and writer.get(word, float("inf")) > reader[word]:
            yield f"{path} has no {word} of {reader[word]}"
    for word in AT_LEAST:
        if word in reader and writer.get(word, float("-inf")) < reader[word]:
            yield f"{path} has no {word} of {reader[word]}"


def _named(shape: Json) -> set[Any]:
    return set(shape.get("enum", ())) | ({shape["const"]} if "const" in shape else set())
