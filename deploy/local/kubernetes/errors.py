"""What the server answers instead of an object: Status objects, worded like the real ones."""

from collections.abc import Iterable
from dataclasses import dataclass

from deploy.local.kubernetes.kinds import Json, Kind

MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def status(code: int, reason: str, message: str, details: Json | None = None) -> Json:
    """Return a Failure Status object."""
    body: Json = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
    }
    # The real server leaves the reason out of 500s it did not foresee.
    if reason:
        body["reason"] = reason
    if details:
        body["details"] = details
    return body | {"code": code}


class ApiError(Exception):
    """An answer other than the one asked for."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.body = status(code, reason, message, details)
        self.headers: dict[str, str] = {}


@dataclass(frozen=True)
class Cause:
    """One reason why an object is invalid."""

    reason: str
    field: str
    message: str

    def as_json(self) -> Json:
        """Return the cause as it stands in a Status."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


def _about(kind: Kind, name: str, **more: object) -> Json:
    about: Json = {"name": name} if name else {}
    if kind.group:
        about["group"] = kind.group
    return about | {"kind": kind.plural} | more


def not_found(kind: Kind, name: str) -> ApiError:
    """The object is not there."""
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', _about(kind, name))


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    """The object must stay as it is."""
    message = f'{kind.resource} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", message, _about(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """A create met an object of that name."""
    message = f'{kind.resource} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _about(kind, name))


def conflict(kind: Kind, name: str, why: str = MODIFIED) -> ApiError:
    """The write rests on a state that is no longer current."""
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, _about(kind, name))


def invalid(full_name: str, name: str, causes: Iterable[Cause]) -> ApiError:
    """The object is understood and refused, field by field."""
    listed = list(causes)
    texts = [f"{cause.field}: {cause.message}" for cause in listed]
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    kind, _, group = full_name.partition(".")
    details: Json = {"name": name} if name else {}
    if group:
        details["group"] = group
    if kind:
        details["kind"] = kind
    details |= {"causes": [cause.as_json() for cause in listed]}
    return ApiError(422, "Invalid", f'{full_name} "{name}" is invalid: {joined}', details)


def bad_request(message: str) -> ApiError:
    """The request itself makes no sense."""
    return ApiError(400, "BadRequest", message)


def expired(message: str) -> ApiError:
    """The place asked for is older than what is remembered."""
    return ApiError(410, "Expired", message)


def method_not_allowed() -> ApiError:
    """The path exists, the verb does not."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


def unsupported_media_type(accepted: Iterable[str]) -> ApiError:
    """The body is in a language not spoken here."""
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )
    return ApiError(415, "UnsupportedMediaType", message, {})


def too_large_version(asked: int, current: int) -> ApiError:
    """The version asked for lies in the future."""
    error = ApiError(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {asked}, current: {current}",
        {
            "causes": [
                {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            ],
            "retryAfterSeconds": 1,
        },
    )
    error.headers["Retry-After"] = "1"
    return error
