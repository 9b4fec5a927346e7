"""What a caller says about a write besides the object, and what it gets back."""

from dataclasses import dataclass

from deploy.local.kubernetes.kinds import Json


@dataclass(frozen=True)
class WriteOptions:
    """The query parameters of create, update and patch."""

    manager: str = "unknown"
    force: bool = False
    dry_run: bool = False
    field_validation: str = "Warn"
    subresource: str = ""


@dataclass(frozen=True)
class DeleteOptions:
    """The query parameters and body of delete."""

    uid: str | None = None
    resource_version: str | None = None
    grace_period: int | None = None
    propagation: str | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class Answer:
    """A successful answer."""

    code: int
    body: Json
    warnings: tuple[str, ...] = ()
