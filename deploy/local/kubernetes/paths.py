"""Which objects a URL path means."""

from dataclasses import dataclass

from deploy.local.kubernetes.kinds import Kind, find_kind


@dataclass(frozen=True)
class Target:
    """A collection (no name), an object, or a part of one."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def parse_path(path: str) -> Target | None:
    """Return the target, or None where nothing is served."""
    root, *parts = path.strip("/").split("/")
    if root == "api" and parts:
        group, (version, *rest) = "", parts
    elif root == "apis" and len(parts) > 1:
        group, version, *rest = parts
    else:
        return None
    if len(rest) >= 3 and rest[0] == "namespaces":
        kind = find_kind(group, version, rest[2])
        if kind is not None and kind.namespaced:
            return _target(kind, rest[1], rest[3:])
    kind = find_kind(group, version, rest[0]) if rest else None
    if kind is None or (kind.namespaced and len(rest) > 1):
        return None
    return _target(kind, "", rest[1:])


def _target(kind: Kind, namespace: str, rest: list[str]) -> Target | None:
    if len(rest) > 2 or (len(rest) == 2 and not (rest[1] == "status" and kind.has_status)):
        return None
    return Target(kind, namespace, *rest)
