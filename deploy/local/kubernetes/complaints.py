"""The five ways to say that a field is wrong."""

import json
from collections.abc import Iterable
from typing import Any

from deploy.local.kubernetes.errors import Cause


def wrong(field: str, value: Any, why: str) -> Cause:
    """The value breaks a rule."""
    return Cause(
        "FieldValueInvalid",
        field,
        f"Invalid value: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}: {why}",
    )


def required(field: str, why: str = "") -> Cause:
    """There is no value where one must be."""
    return Cause("FieldValueRequired", field, f"Required value: {why}" if why else "Required value")


def forbidden(field: str, why: str) -> Cause:
    """There is a value where none may be."""
    return Cause("FieldValueForbidden", field, f"Forbidden: {why}")


def unsupported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    """The value is none of the few possible ones."""
    listed = ", ".join(f'"{one}"' for one in supported)
    return Cause(
        "FieldValueNotSupported",
        field,
        f"Unsupported value: {json.dumps(value)}: supported values: {listed}",
    )


def too_long(field: str, limit: int) -> Cause:
    """The value has more bytes than it may."""
    return Cause("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")
