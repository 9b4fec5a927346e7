"""As much OpenAPI as kubectl needs to leave validation to the server."""

from deploy.local.kubernetes.kinds import GROUP_VERSIONS, KINDS, Json, Kind

_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")


def openapi_documents() -> dict[str, Json]:
    """Return the index and one document per group and version, by path."""
    index: Json = {}
    pages: dict[str, Json] = {"/openapi/v3": {"paths": index}}
    for group, version in GROUP_VERSIONS:
        place = f"apis/{group}/{version}" if group else f"api/{version}"
        # The hash makes clients cache; ours never changes within a version.
        index[place] = {"serverRelativeURL": f"/openapi/v3/{place}?hash={version}"}
        kinds = [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
        pages[f"/openapi/v3/{place}"] = _document(place, kinds)
    return pages


def _document(place: str, kinds: list[Kind]) -> Json:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": {_path(place, kind): {"patch": _patch(kind)} for kind in kinds},
    }


def _path(place: str, kind: Kind) -> str:
    scope = "/namespaces/{namespace}" if kind.namespaced else ""
    return f"/{place}{scope}/{kind.plural}/{{name}}"


def _patch(kind: Kind) -> Json:
    return {
        "operationId": f"patch{kind.name}",
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string"}} for name in _PARAMETERS
        ],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {
            "group": kind.group,
            "version": kind.version,
            "kind": kind.name,
        },
    }
