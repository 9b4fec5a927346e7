"""What happens to an object that is not shaped as its kind: three verbs, three answers."""

import json
import re
from typing import Any

from deploy.local.kubernetes.errors import ApiError, Cause, bad_request, invalid
from deploy.local.kubernetes.kinds import Json, Kind
from deploy.local.kubernetes.schema import Misfit, misfits, schema_of, settled

_GO_TYPES = {"map": "object", "list": "array", "int-or-string": "number"}

_PLACE = re.compile(r"\[\d+\]")
_KEY = re.compile(r"(\.(?:labels|annotations|matchLabels|selector|data))\..*")


def check_declared(kind: Kind, namespace: str, name: str, declared: Json) -> None:
    """Refuse a server-side apply that the schema does not know: 500, and no reason."""
    for misfit in misfits(schema_of(kind), declared):
        subject = f"({namespace}/{name}; {kind.described})"
        if isinstance(misfit.value, float) and misfit.wanted in {"int-or-string", "integer"}:
            problem = (
                f"failed to convert new object {subject} to proper version: "
                f"json: cannot unmarshal number {misfit.value} into Go value of type int32"
            )
        else:
            problem = f"failed to create typed patch object {subject}: {_typed(misfit)}"
        raise ApiError(500, "", problem)


def _typed(misfit: Misfit) -> str:
    if misfit.unknown:
        return f"{misfit.path}: field not declared in schema"
    if misfit.wanted in {"map", "list"}:
        return f"{misfit.path}: expected {misfit.wanted}, got &{{{_go(misfit.value)}}}"
    return (
        f"{misfit.path}: expected {misfit.wanted}, "
        f"got &value.valueUnstructured{{Value:{_go(misfit.value)}}}"
    )


def _go(value: Any) -> str:
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go(child)}" for key, child in value.items()) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(_go, value)) + "]"
    return str(value)


def check_patched(kind: Kind, body: Json) -> None:
    """Refuse what a patch made of an object if its fields are of the wrong type: 422."""
    for misfit in misfits(schema_of(kind), body):
        if not misfit.unknown:
            seen = json.dumps(json.dumps(body, separators=(",", ":")))
            why = f"Invalid value: {seen}: {_unmarshalled(kind, misfit)}"
            raise invalid("", "", [Cause("FieldValueInvalid", "patch", why)])


def check_decoded(kind: Kind, body: Json, field_validation: str) -> tuple[Json, list[str]]:
    """
    Return the object without fields nobody knows, and the warnings about them.

    A wrong type is a 400; an unknown field is one only if the caller was strict.
    """
    found = list(misfits(schema_of(kind), body))
    for misfit in found:
        if misfit.wanted == "microtime" and isinstance(misfit.value, str):
            raise bad_request(
                f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: '
                f'parsing time "{misfit.value}" as "2006-01-02T15:04:05.000000Z07:00": '
                "cannot parse it"
            )
        if not misfit.unknown:
            raise bad_request(
                f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: '
                f"{_unmarshalled(kind, misfit)}"
            )
    texts = [f'unknown field "{misfit.path[1:]}"' for misfit in found]
    if texts and field_validation == "Strict":
        raise bad_request(
            f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: '
            f"strict decoding error: {', '.join(texts)}"
        )
    known = _known(schema_of(kind), body) if texts else body
    return settled(schema_of(kind), known), [] if field_validation == "Ignore" else texts


def _unmarshalled(kind: Kind, misfit: Misfit) -> str:
    # Go names fields: neither the places of a list nor the keys of a map are any.
    field = _KEY.sub(r"\1", _PLACE.sub("", misfit.path))
    return (
        f"json: cannot unmarshal {_json_type(misfit.value)} into Go struct field "
        f"{kind.name}{field} of type {_GO_TYPES.get(misfit.wanted, misfit.wanted)}"
    )


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return "string" if isinstance(value, str) else "number"


def _known(schema: Any, value: Any) -> Any:
    if isinstance(schema, dict) and isinstance(value, dict):
        return {
            key: _known(schema.get(key, schema.get("*")), child)
            for key, child in value.items()
            if key in schema or "*" in schema
        }
    if isinstance(schema, list) and isinstance(value, list):
        return [_known(schema[0], child) for child in value]
    return value
