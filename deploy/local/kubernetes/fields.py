"""The leaves of an object, and sets of them as `fieldsV1` writes them."""

from collections.abc import Iterable
from typing import Any

from deploy.local.kubernetes.kinds import Json, Kind, Path

#: The server's own: nobody else can own them.
_UNOWNED = {
    ("apiVersion",),
    ("kind",),
    *(
        ("metadata", key)
        for key in (
            "name",
            "namespace",
            "generateName",
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "generation",
            "managedFields",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        )
    ),
}


def leaves(kind: Kind, tree: Json, at: Path = ()) -> dict[Path, Any]:
    """Return each field that can have an owner, with its value."""
    found: dict[Path, Any] = {}
    for key, value in tree.items():
        path = (*at, key)
        if path in _UNOWNED:
            continue
        if isinstance(value, dict) and value and path not in kind.atomic:
            found |= leaves(kind, value, path)
        elif path != ("metadata",):
            found[path] = value
    return found


def to_fields_v1(paths: Iterable[Path]) -> Json:
    """Return the set as nested `f:` keys; `.` marks a member that has members below it."""
    tree: Json = {}
    for path in sorted(paths):
        node = tree
        for key in path:
            node = node.setdefault(f"f:{key}", {})
        node["."] = {}
    return _without_lonely_dots(tree)


def _without_lonely_dots(node: Json) -> Json:
    if set(node) == {"."}:
        return {}
    return {key: _without_lonely_dots(child) for key, child in node.items()}


def from_fields_v1(node: Json, at: Path = ()) -> set[Path]:
    """Return the set that nested `f:` keys write."""
    found: set[Path] = {at} if at and (not node or "." in node) else set()
    for key, child in node.items():
        if key.startswith("f:"):
            found |= from_fields_v1(child, (*at, key[2:]))
    return found
