"""Server-side apply: merge what one manager declares into what is stored."""

from collections.abc import Iterable
from typing import Any

from deploy.local.kubernetes.errors import ApiError, Cause
from deploy.local.kubernetes.fields import leaves
from deploy.local.kubernetes.kinds import Json, Kind, Path
from deploy.local.kubernetes.ownership import UPDATE, Manager, Owners, has

_MISSING = object()


def apply(
    kind: Kind, live: Json, owners: Owners, declared: Json, author: Manager, *, force: bool
) -> tuple[Json, Owners]:
    """
    Return the merged object and its owners.

    Fields the author no longer declares are dropped, unless somebody else owns them too.
    """
    wanted = leaves(kind, declared)
    others = {manager: paths for manager, paths in owners.items() if manager != author}
    merged = _merge(kind, live, declared)
    conflicts = _conflicts(live, merged, wanted, others)
    if conflicts and not force:
        raise _refusal(conflicts)
    for manager, path in conflicts:
        others[manager] = others[manager] - {path}
    after = others | {author: set(wanted)}
    for path in owners.get(author, set()) - set(wanted):
        if not any(_covers(paths, path) for paths in after.values()):
            _drop(merged, path)
    return merged, after


def _conflicts(
    live: Json, merged: Json, wanted: Iterable[Path], others: Owners
) -> list[tuple[Manager, Path]]:
    """Return whose fields the merge would change; an empty map changes nothing in a full one."""
    return [
        (manager, path)
        for path in sorted(wanted)
        for manager in sorted(others)
        if path in others[manager] and _at(live, path) not in (_MISSING, _at(merged, path))
    ]


def _at(tree: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return _MISSING
        tree = tree[key]
    return tree


def _merge(kind: Kind, live: Json, declared: Json, at: Path = ()) -> Json:
    merged = dict(live)
    for key, value in declared.items():
        path = (*at, key)
        both_maps = isinstance(value, dict) and isinstance(merged.get(key, {}), dict)
        if both_maps and path not in kind.atomic:
            merged[key] = _merge(kind, merged.get(key, {}), value, path)
        else:
            merged[key] = value
    return merged


def _covers(paths: set[Path], dropped: Path) -> bool:
    """Return whether somebody owns the field or something inside it."""
    return any(path[: len(dropped)] == dropped for path in paths)


def _drop(tree: Json, path: Path) -> None:
    """Remove a field, and the maps above it that it leaves empty."""
    if not has(tree, path):
        return
    above = [tree]
    for key in path[:-1]:
        # Maps the merge did not touch are still the stored object's own.
        above[-1][key] = dict(above[-1][key])
        above.append(above[-1][key])
    above[-1].pop(path[-1])
    for depth in range(len(path) - 2, -1, -1):
        if above[depth + 1]:
            return
        above[depth].pop(path[depth])


def _refusal(conflicts: list[tuple[Manager, Path]]) -> ApiError:
    causes = [
        Cause("FieldManagerConflict", _field(path), f"conflict with {_described(manager)}")
        for manager, path in conflicts
    ]
    details: Json = {"causes": [cause.as_json() for cause in causes]}
    return ApiError(409, "Conflict", _summary(conflicts), details)


def _summary(conflicts: list[tuple[Manager, Path]]) -> str:
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {_described(manager)}: {_field(path)}"
    lines = []
    for manager in sorted({manager for manager, _ in conflicts}):
        lines.append(f"conflicts with {_described(manager)}:")
        lines += [f"- {_field(path)}" for owner, path in conflicts if owner == manager]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def _described(manager: Manager) -> str:
    text = f'"{manager.name}"'
    if manager.subresource:
        text += f' with subresource "{manager.subresource}"'
    if manager.operation == UPDATE:
        text += f" using {manager.api_version}"
    return text


def _field(path: Path) -> str:
    return "".join(f".{key}" for key in path)
