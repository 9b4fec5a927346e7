"""From the bytes of a request to JSON."""

import json
from typing import Any

import yaml

from deploy.local.kubernetes import protobuf
from deploy.local.kubernetes.errors import bad_request, unsupported_media_type

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
STEPS = "application/json-patch+json"
PATCHES = (STEPS, MERGE, STRATEGIC, APPLY)
_OBJECTS = ("application/json", "application/yaml", protobuf.PROTOBUF)

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
        return _map(_yaml(raw, "error decoding patch: error converting YAML to JSON: yaml"))
    if content_type == STEPS:
        return _json(raw)
    return _map(_json(raw))


def decode_options(raw: bytes) -> Decoded:
    """Return the DeleteOptions in the body; there need be none."""
    return _map(_json(raw)) if raw else {}


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from error


def _yaml(raw: bytes, prefix: str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        pass
    try:
        return yaml.safe_load(raw)
    except yaml.YAMLError as error:
        raise bad_request(f"{prefix}: {' '.join(str(error).split())}") from error


def _map(value: Any) -> Decoded:
    if not isinstance(value, dict):
        raise bad_request("the object provided is unrecognized (must be of type object)")
    return value
