"""Check that a body means the object its URL names."""

from typing import Any

from deploy.local.kubernetes.errors import Cause, bad_request, invalid
from deploy.local.kubernetes.kinds import Json, Kind


def check_type(kind: Kind, body: Json) -> None:
    """Refuse a body of another type; one without type means the URL's."""
    api_version, name = body.get("apiVersion"), body.get("kind")
    if api_version not in (None, "", kind.api_version):
        raise bad_request(
            f"the API version in the data ({api_version}) does not match "
            f"the expected API version ({kind.api_version})"
        )
    if name not in (None, "", kind.name):
        raise bad_request(
            f'{name} in version "{kind.version}" cannot be handled as a {kind.name}: '
            f"no kind {name!r} is registered".replace("'", '"')
        )


def check_declared_type(kind: Kind, declared: Json) -> None:
    """Refuse an apply that does not say its type, or another one."""
    api_version, name = declared.get("apiVersion") or "", declared.get("kind") or ""
    if (api_version, name) != (kind.api_version, kind.name):
        shown = api_version if "/" in str(api_version) else f"/{api_version}"
        raise bad_request(f"invalid object type: {shown}, Kind={name}")


def metadata_of(body: Json) -> Json:
    """Return the metadata, which may be missing."""
    metadata: Any = body.get("metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise bad_request("json: cannot unmarshal into Go struct field .metadata of type object")
    return metadata


def check_place(kind: Kind, namespace: str, metadata: Json) -> None:
    """Refuse a body that lies in another namespace."""
    if kind.namespaced and metadata.get("namespace") not in (None, "", namespace):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def check_name(name: str, metadata: Json) -> None:
    """Refuse a body that is called otherwise than its URL."""
    given = metadata.get("name")
    if not given:
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable")
    if given != name:
        raise bad_request(
            f"the name of the object ({given}) does not match the name on the URL ({name})"
        )


def require_manager(manager: str) -> None:
    """Refuse an apply by nobody."""
    if not manager:
        cause = Cause(
            "FieldValueRequired",
            "fieldManager",
            "Required value: is required for apply patch",
        )
        raise invalid("PatchOptions.meta.k8s.io", "", [cause])
