"""The kinds of value in a request body, read as leniently as Verefoo's JSON reader does."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

T = TypeVar("T")


class Body(BaseModel):
    """A part of a body: unknown fields are dropped, snake_case names among them."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    def stored(self) -> dict[str, Any]:
        """Return the part as it is kept and shown: every field, nulls too."""
        return self.model_dump(by_alias=True)


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _flag(value: object) -> object:
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if isinstance(value, int | float):
        return bool(value)
    if value is None:
        return None
    raise ValueError(f"only true or false are recognized: {str(value)[:40]!r}")


def _nothing(_: object) -> None:
    return None


def _rows(value: object) -> object:
    return [] if value is None else value


def by_ordinal(words: object) -> BeforeValidator:
    """Read a number as the place of a word in its enumeration."""
    listed = get_args(words)

    def read(value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(listed):
            return listed[value]
        return value

    return BeforeValidator(read)


Text = Annotated[str | None, BeforeValidator(_text)]
Flag = Annotated[bool | None, BeforeValidator(_flag)]
# Ids in a body are never believed.
Ignored = Annotated[None, BeforeValidator(_nothing)]
Rows = Annotated[list[T], BeforeValidator(_rows)]

_FunctionalType = Literal[
    "FIREWALL",
    "ENDHOST",
    "ENDPOINT",
    "ANTISPAM",
    "CACHE",
    "DPI",
    "DPI_S",
    "MAILCLIENT",
    "MAILSERVER",
    "NAT",
    "VPNACCESS",
    "VPNEXIT",
    "WEBCLIENT",
    "WEBSERVER",
    "FIELDMODIFIER",
    "FORWARDER",
    "LOADBALANCER",
    "STATEFUL_FIREWALL",
    "PRIORITY_FIREWALL",
    "WEB_APPLICATION_FIREWALL",
    "TRAFFIC_MONITOR",
]
_Action = Literal["ALLOW", "DENY", "ALLOW_COND"]
_Protocol = Literal["ANY", "TCP", "UDP", "OTHER"]
_Exchange = Literal["HTTP_REQUEST", "HTTP_RESPONSE", "POP_3_REQUEST", "POP_3_RESPONSE"]
_Aim = Literal["ISOLATION_PROPERTY", "REACHABILITY_PROPERTY", "COMPLETE_REACHABILITY_PROPERTY"]
_Place = Literal["FORBIDDEN", "FORCED"]

FunctionalType = Annotated[_FunctionalType | None, by_ordinal(_FunctionalType)]
Action = Annotated[_Action | None, by_ordinal(_Action)]
Protocol = Annotated[_Protocol | None, by_ordinal(_Protocol)]
Exchange = Annotated[_Exchange | None, by_ordinal(_Exchange)]
Aim = Annotated[_Aim | None, by_ordinal(_Aim)]
Place = Annotated[_Place | None, by_ordinal(_Place)]
