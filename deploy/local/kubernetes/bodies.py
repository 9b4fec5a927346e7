"""From the bytes of a request to JSON."""

import math
from collections.abc import Iterator
from typing import Any

import orjson
import yaml

from deploy.local.kubernetes import protobuf
from deploy.local.kubernetes.errors import bad_request, unsupported_media_type

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
STEPS = "application/json-patch+json"
PATCHES = (STEPS, MERGE, STRATEGIC, APPLY)
_OBJECTS = ("application/json", "application/yaml", protobuf.PROTOBUF)
#: No object of ours is half as deep; what is deeper could be read but not written again.
_DEPTH = 100
#: Aliases may say so much more than what is written; ten lines of them could say more than fits.
_MORE_PARTS = 100_000

Decoded = dict[str, Any]


def decode_object(content_type: str, raw: bytes) -> Decoded:
    """Return the object in the body of a create or update."""
    if content_type == "application/yaml":
        return _map(_yaml(raw, "yaml"))
    if content_type == protobuf.PROTOBUF:
        return protobuf.decode(raw)
    # Without a Content-Type, and with curl's own, the real server reads JSON as well.
    if content_type not in (
        "application/json",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    ):
        raise unsupported_media_type(_OBJECTS)
    return _map(_json(raw))


def decode_patch(content_type: str, raw: bytes) -> Any:
    """Return the body of a patch."""
    if content_type not in PATCHES:
        raise unsupported_media_type(PATCHES)
    if content_type == APPLY:
        return _map(_yaml(raw, _undecoded(raw)))
    if content_type == STEPS:
        return _steps(_json(raw))
    return _map(_json(raw))


def decode_options(raw: bytes) -> Decoded:
    """Return the DeleteOptions in the body; there need be none."""
    return _map(_json(raw)) if raw else {}


def _undecoded(raw: bytes) -> str:
    """Return how the real server begins to say that a declaration is no YAML."""
    if raw.lstrip().startswith(b"{"):
        return "error decoding patch: error converting YAML to JSON: yaml"
    return "error encoding patch: yaml"


def _json(raw: bytes) -> Any:
    try:
        return _plain(orjson.loads(raw), _parts(raw))
    except ValueError as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from error


def _yaml(raw: bytes, prefix: str) -> Any:
    try:
        return _plain(_loaded(raw), _parts(raw))
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise bad_request(f"{prefix}: {' '.join(str(error).split())}") from error


def _loaded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return yaml.load(raw, _Loader)


class _Loader(yaml.CSafeLoader):
    """Reads moments as the strings they are in JSON, and tags nobody knows as if not there.

    The loader that is not in C needs a second for 4 KB of braces.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, text) for tag, text in known if tag != "tag:yaml.org,2002:timestamp"]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _untagged(loader: _Loader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Loader.add_constructor(None, _untagged)


def _parts(raw: bytes) -> Iterator[int]:
    """Return one number for each part that a body of this size may have."""
    return iter(range(len(raw) + _MORE_PARTS))


def _plain(value: Any, parts: Iterator[int], depth: int = 0) -> Any:
    """Return the value as JSON has it: keys are strings, numbers fit 64 bits, depth ends."""
    if depth > _DEPTH:
        raise ValueError("exceeded max depth")
    if next(parts, None) is None:
        raise ValueError("document contains excessive aliasing")
    if isinstance(value, dict):
        return {_key(key): _plain(child, parts, depth + 1) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(child, parts, depth + 1) for child in value]
    return _scalar(value)


def _scalar(value: Any) -> str | int | float | bool | None:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"unsupported value: {value}")
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value)
    if not isinstance(value, int | float | bool | None):
        raise ValueError(f"unsupported value: {value!r}")
    return value


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    return _text(str(key))


def _text(text: str) -> str:
    # YAML can say half of a character, which could not be written again.
    text.encode()
    return text


def _steps(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(step, dict) for step in value):
        raise bad_request("error decoding patch: json: cannot unmarshal into jsonpatch.Patch")
    return value


def _map(value: Any) -> Decoded:
    # To Go null is an empty struct, and so is an empty YAML document.
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request("the object provided is unrecognized (must be of type object)")
    return value
