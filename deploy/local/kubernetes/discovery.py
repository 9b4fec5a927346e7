"""What kubectl asks first: which groups, versions and resources there are."""

from deploy.local.kubernetes.kinds import GROUP_VERSIONS, KINDS, NAMESPACES, Json, Kind
from deploy.local.kubernetes.openapi import openapi_documents

VERSION = "v1.37.2"

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def documents() -> dict[str, Json]:
    """Return every static document, by path."""
    groups = [_group(group, version) for group, version in GROUP_VERSIONS if group]
    pages: dict[str, Json] = {
        "/version": _version(),
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
    }
    for group in groups:
        pages[f"/apis/{group['name']}"] = {"kind": "APIGroup", "apiVersion": "v1"} | group
    for group_name, version in GROUP_VERSIONS:
        pages[group_path(group_name, version)] = _resources(group_name, version)
    return pages | openapi_documents()


def group_path(group: str, version: str) -> str:
    """Return where a group's resources are served."""
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def _version() -> Json:
    major, minor, _ = VERSION.removeprefix("v").split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": "",
        "platform": "",
    }


def _group(group: str, version: str) -> Json:
    served = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [served], "preferredVersion": served}


def _resources(group: str, version: str) -> Json:
    kinds = [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
    listed = [entry for kind in kinds for entry in _entries(kind)]
    group_version = f"{group}/{version}" if group else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": listed,
    }


def _entries(kind: Kind) -> list[Json]:
    entry: Json = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": [verb for verb in _VERBS if kind is not NAMESPACES or verb != "deletecollection"],
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if not kind.has_status:
        return [entry]
    status = {
        "name": f"{kind.plural}/status",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": ["get", "patch", "update"],
    }
    return [entry, status]
