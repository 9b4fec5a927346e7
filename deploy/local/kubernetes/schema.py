"""Which fields an object may have and of which JSON type; what kubectl calls strict."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.local.kubernetes.kinds import CONFIG_MAPS, NETWORK_POLICIES, Json, Kind

#: A type's name, a map of fields ("*": any other), a list of one type, or None: anything goes.
Schema = Any

_STRINGS = {"*": "string"}
_SELECTOR = {
    "matchLabels": _STRINGS,
    "matchExpressions": [{"key": "string", "operator": "string", "values": ["string"]}],
}
_PEER = {
    "podSelector": _SELECTOR,
    "namespaceSelector": _SELECTOR,
    "ipBlock": {"cidr": "string", "except": ["string"]},
}
_PORT = {"port": "int-or-string", "endPort": "integer", "protocol": "string"}
_POLICY_SPEC = {
    "podSelector": _SELECTOR,
    "ingress": [{"from": [_PEER], "ports": [_PORT]}],
    "egress": [{"to": [_PEER], "ports": [_PORT]}],
    "policyTypes": ["string"],
}
_METADATA = {
    "name": "string",
    "generateName": "string",
    "namespace": "string",
    "uid": "string",
    "resourceVersion": "string",
    "generation": "integer",
    "creationTimestamp": "string",
    "deletionTimestamp": "string",
    "deletionGracePeriodSeconds": "integer",
    "labels": _STRINGS,
    "annotations": _STRINGS,
    "finalizers": ["string"],
    "ownerReferences": None,
    "managedFields": None,
    "selfLink": "string",
}
_SPECIFIC: dict[Kind, Json] = {
    NETWORK_POLICIES: {"spec": _POLICY_SPEC},
    CONFIG_MAPS: {
        "data": _STRINGS,
        "binaryData": _STRINGS,
        "immutable": "boolean",
    },
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "int-or-string": (int, str),
}


@dataclass(frozen=True)
class Misfit:
    """One place where an object is not shaped as its kind."""

    path: str
    #: The JSON type wanted; empty for a field nobody knows.
    wanted: str
    value: Any

    @property
    def unknown(self) -> bool:
        """Whether the field itself is the trouble."""
        return not self.wanted


def schema_of(kind: Kind) -> Schema:
    """Return the fields of a kind; only some kinds are known in full."""
    common = {"apiVersion": "string", "kind": "string", "metadata": _METADATA}
    return common | _SPECIFIC.get(kind, {"*": None})


def misfits(schema: Schema, value: Any, path: str = "") -> Iterator[Misfit]:
    """Find what does not fit; null fits everywhere, as in Go."""
    if schema is None or value is None:
        return
    if isinstance(schema, dict):
        yield from _in_map(schema, value, path)
    elif isinstance(schema, list):
        yield from _in_list(schema[0], value, path)
    elif not isinstance(value, _TYPES[schema]) or _stray_boolean(schema, value):
        yield Misfit(path, schema, value)


def _stray_boolean(schema: str, value: Any) -> bool:
    """To Python a boolean is an integer."""
    return isinstance(value, bool) and schema != "boolean"


def _in_map(schema: Json, value: Any, path: str) -> Iterator[Misfit]:
    if not isinstance(value, dict):
        yield Misfit(path, "map", value)
        return
    for key, child in value.items():
        below = f"{path}.{key}"
        if key in schema or "*" in schema:
            yield from misfits(schema.get(key, schema.get("*")), child, below)
        else:
            yield Misfit(below, "", child)


def _in_list(schema: Schema, value: Any, path: str) -> Iterator[Misfit]:
    if not isinstance(value, list):
        yield Misfit(path, "list", value)
        return
    for index, child in enumerate(value):
        yield from misfits(schema, child, f"{path}[{index}]")
