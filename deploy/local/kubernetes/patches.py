"""Merge patch (RFC 7396), strategic merge patch and JSON patch (RFC 6902)."""

import copy
from typing import Any

from deploy.local.kubernetes.errors import ApiError, bad_request
from deploy.local.kubernetes.kinds import SERVICES, Json, Kind

#: Lists whose members a strategic patch finds by one of their fields; others it replaces.
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "conditions": "type",
    "ownerReferences": "uid",
    "podIPs": "ip",
    "hostIPs": "ip",
}
_SERVICE_MERGE_KEYS = {"ports": "port"}


def merge_patch(target: Any, patch: Any) -> Any:
    """Return the target with the patch merged in; null removes."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def strategic_patch(kind: Kind, target: Any, patch: Any) -> Any:
    """
    Return the target with the patch merged in, member by member where lists have keys.

    The order of members (`$setElementOrder`) is left as it is: no kind here depends on it.
    """
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    merge_keys = _MERGE_KEYS | (_SERVICE_MERGE_KEYS if kind is SERVICES else {})
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            merged.pop(key, None)
        elif key in merge_keys and isinstance(value, list):
            merged[key] = _merged_members(kind, merged.get(key), value, merge_keys[key])
        else:
            merged[key] = strategic_patch(kind, merged.get(key), value)
    return merged


def _merged_members(kind: Kind, target: Any, patch: list[Any], by: str) -> list[Any]:
    members: list[Any] = list(target) if isinstance(target, list) else []
    for change in patch:
        if not isinstance(change, dict) or by not in change:
            raise bad_request(f"map: {change} does not contain declared merge key: {by}")
        place = next(
            (number for number, one in enumerate(members) if one.get(by) == change[by]), None
        )
        if change.get("$patch") == "delete":
            members = [one for one in members if one.get(by) != change[by]]
        elif place is None:
            members.append(strategic_patch(kind, {}, change))
        else:
            members[place] = strategic_patch(kind, members[place], change)
    return members


def json_patch(target: Json, steps: list[Json]) -> Json:
    """Return the target after every step."""
    patched = copy.deepcopy(target)
    for step in steps:
        try:
            _step(patched, step)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise ApiError(
                422, "Invalid", "the server rejected our request due to an error in our request"
            ) from error
    return patched


def _step(tree: Json, step: Json) -> None:
    operation, path = step["op"], step["path"]
    if operation in {"copy", "move"}:
        _step(tree, {"op": "add", "path": path, "value": _taken(tree, step)})
        return
    parent, key = _locate(tree, path)
    if operation == "test":
        if parent[key] != step["value"]:
            raise ValueError(path)
    elif operation == "remove":
        del parent[key]
    elif operation == "add":
        _add(parent, key, step["value"])
    elif operation == "replace":
        parent[key]  # what is not there cannot be replaced
        parent[key] = step["value"]
    else:
        raise bad_request(f"unsupported operation: {operation}")


def _add(parent: Any, key: Any, value: Any) -> None:
    if not isinstance(parent, list):
        parent[key] = value
    elif key <= len(parent):
        parent.insert(key, value)
    else:
        raise IndexError(key)


def _taken(tree: Json, step: Json) -> Any:
    """Return what a copy or move carries; a move leaves nothing behind."""
    parent, key = _locate(tree, step["from"])
    carried = copy.deepcopy(parent[key])
    if step["op"] == "move":
        del parent[key]
    return carried


def _locate(tree: Any, pointer: str) -> tuple[Any, Any]:
    keys = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for key in keys[:-1]:
        tree = tree[int(key)] if isinstance(tree, list) else tree[key]
    last: Any = keys[-1]
    if isinstance(tree, list):
        last = len(tree) if last == "-" else int(last)
    return tree, last
