"""Who owns which field: metadata.managedFields, read and written."""

from collections.abc import Iterable
from dataclasses import dataclass

from deploy.local.kubernetes.fields import from_fields_v1, leaves, to_fields_v1
from deploy.local.kubernetes.kinds import Json, Kind, Path

APPLY, UPDATE = "Apply", "Update"


@dataclass(frozen=True, order=True)
class Manager:
    """One author of fields."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


Owners = dict[Manager, set[Path]]


def owners_of(stored: Json) -> Owners:
    """Return the owned fields of each manager."""
    return {
        _manager(entry): from_fields_v1(entry["fieldsV1"])
        for entry in stored["metadata"].get("managedFields", [])
    }


def with_owners(stored: Json, owners: Owners, before: Json | None, now: str) -> Json:
    """Return the object with these owners; who owns what it owned keeps its time."""
    entries = before["metadata"].get("managedFields", []) if before else []
    old = {_manager(entry): entry for entry in entries}
    # Old entries keep their place: an apply that changes nothing must write the same list.
    order = [manager for manager in old if manager in owners]
    order += [manager for manager in owners if manager not in old]
    written = [
        _entry(manager, owners[manager], old.get(manager), now)
        for manager in order
        if owners[manager] or manager.operation == APPLY
    ]
    return stored | {"metadata": stored["metadata"] | {"managedFields": written}}


def after_update(
    kind: Kind, before: Json | None, after: Json, owners: Owners, author: Manager
) -> Owners:
    """Give the author what it changed; what is gone has no owner."""
    old, new = leaves(kind, before or {}), leaves(kind, after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    kept = {
        manager: {path for path in paths if path not in changed and has(after, path)}
        for manager, paths in owners.items()
    }
    return kept | {author: kept.get(author, set()) | changed}


def has(tree: object, path: Iterable[str]) -> bool:
    """Return whether the object has this field."""
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True


def _manager(entry: Json) -> Manager:
    return Manager(
        entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", "")
    )


def _entry(manager: Manager, paths: set[Path], old: Json | None, now: str) -> Json:
    fields = to_fields_v1(paths)
    unchanged = old is not None and old["fieldsV1"] == fields
    entry: Json = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": old["time"] if old is not None and unchanged else now,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry
