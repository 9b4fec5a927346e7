"""Read the few objects that `kubectl create` sends in protobuf and nothing else."""

from collections.abc import Iterator
from typing import Any

from deploy.local.kubernetes.errors import bad_request, unsupported_media_type
from deploy.local.kubernetes.kinds import Json

PROTOBUF = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_VARINT, _BYTES = 0, 2

#: Field number to name, and how to read it: "string", "map" (of strings), or another message.
_Message = dict[int, tuple[str, Any]]
_METADATA: _Message = {
    1: ("name", "string"),
    2: ("generateName", "string"),
    3: ("namespace", "string"),
    11: ("labels", "map"),
    12: ("annotations", "map"),
}
_MESSAGES: dict[tuple[str, str], _Message] = {
    ("v1", "Namespace"): {1: ("metadata", _METADATA)},
    ("v1", "ConfigMap"): {1: ("metadata", _METADATA), 2: ("data", "map")},
}
_TYPE: _Message = {1: ("apiVersion", "string"), 2: ("kind", "string")}


def decode(raw: bytes) -> Json:
    """Return the object inside the envelope."""
    if not raw.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message")
    try:
        envelope = {number: value for number, value in _fields(raw[len(_MAGIC) :])}
        type_ = _read(envelope.get(1, b""), _TYPE)
        message = _MESSAGES.get((type_.get("apiVersion", ""), type_.get("kind", "")))
        if message is None:
            raise unsupported_media_type(["application/json", "application/yaml"])
        return type_ | _read(envelope.get(2, b""), message)
    except (IndexError, ValueError) as error:
        raise bad_request(f"cannot read the protobuf message: {error}") from error


def _read(raw: bytes, message: _Message) -> Json:
    found: Json = {}
    for number, value in _fields(raw):
        name, type_ = message.get(number, ("", None))
        if type_ == "string" and value:
            found[name] = value.decode()
        elif type_ == "map":
            entry = dict(_fields(value))
            found.setdefault(name, {})[entry.get(1, b"").decode()] = entry.get(2, b"").decode()
        elif isinstance(type_, dict):
            found[name] = _read(value, type_)
    return found


def _fields(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the length-delimited fields; numbers matter to no object read here."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        if tag & 7 == _VARINT:
            _, at = _varint(raw, at)
        elif tag & 7 == _BYTES:
            size, at = _varint(raw, at)
            yield tag >> 3, raw[at : at + size]
            at += size
        else:
            raise ValueError(f"unexpected wire type {tag & 7}")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
