"""Merge patch (RFC 7396) and JSON patch (RFC 6902)."""

import copy
from typing import Any

from deploy.local.kubernetes.errors import ApiError, bad_request
from deploy.local.kubernetes.kinds import Json


def merge_patch(target: Any, patch: Any) -> Any:
    """
    Return the target with the patch merged in; null removes.

    Strategic merge patches come here too: lists are replaced as a whole, and the directives
    they carry (`$setElementOrder`, `$retainKeys`) say nothing about that.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(target: Json, steps: list[Json]) -> Json:
    """Return the target after every step."""
    patched = copy.deepcopy(target)
    for step in steps:
        try:
            _step(patched, step)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ApiError(
                422, "Invalid", "the server rejected our request due to an error in our request"
            ) from error
    return patched


def _step(tree: Json, step: Json) -> None:
    parent, key = _locate(tree, step["path"])
    operation = step["op"]
    if operation == "test":
        if parent[key] != step["value"]:
            raise ValueError(step["path"])
    elif operation == "remove":
        del parent[key]
    elif operation == "add" and isinstance(parent, list):
        parent.insert(key, step["value"])
    elif operation in {"add", "replace"}:
        if operation == "replace":
            parent[key]  # what is not there cannot be replaced
        parent[key] = step["value"]
    else:
        raise bad_request(f"unsupported operation: {operation}")


def _locate(tree: Any, pointer: str) -> tuple[Any, Any]:
    keys = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for key in keys[:-1]:
        tree = tree[int(key)] if isinstance(tree, list) else tree[key]
    last: Any = keys[-1]
    if isinstance(tree, list):
        last = len(tree) if last == "-" else int(last)
    return tree, last
