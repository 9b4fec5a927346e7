"""What an API server's answer means when it is not yes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from agents.clients.errors import (
    AlreadyThere,
    ClientError,
    Conflict,
    Gone,
    NotThere,
    Owned,
    Refused,
    TryLater,
)

LONGEST_MESSAGE = 400
LONGEST_WAIT = 60.0
_MANAGER = re.compile(r'conflict with "([^"]*)"')
# An apply that the schema refuses is a 500 without a reason, like an etcd that changes its leader:
# only the words tell which of them will be the same next time.
_HOPELESS = (
    "failed to create typed patch object",
    "failed to convert new object",
    "field not declared in schema",
)
_PASSING = (401, 408, 425, 429)


def error_of(tried: str, status: int, content: bytes, headers: Mapping[str, str]) -> ClientError:
    """Return the error that an HTTP answer amounts to."""
    said = _said(content)
    text = said.get("message") or content[:LONGEST_MESSAGE].decode(errors="replace")
    message = bounded(f"{tried}: {_name(status)}: {text}")
    if status == 410 or _has_cause(said, "reason", "ResourceVersionTooLarge"):
        # A version from the future is a place in another history.
        return Gone(message)
    if status == 404:
        return NotThere(message)
    if status == 409:
        return _conflict(said, message)
    if status == 422 and _has_cause(said, "field", "metadata.uid"):
        # It was deleted and made anew since we read it.
        return Conflict(message)
    if status == 500 and any(words in str(said.get("message")) for words in _HOPELESS):
        return Refused(message)
    if 400 <= status < 500 and status not in _PASSING:
        return Refused(message)
    return TryLater(message, retry_after(headers.get("Retry-After")))


def bounded(message: str) -> str:
    """Return the message on one line of bounded length."""
    return " ".join(message.split())[:LONGEST_MESSAGE]


def retry_after(text: str | None) -> float | None:
    """Return the seconds that a Retry-After asks for; a date, or nonsense, asks for nothing."""
    if text is None or not text.isascii() or not text.isdecimal():
        return None
    return min(float(text), LONGEST_WAIT)


def _said(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _conflict(said: dict[str, Any], message: str) -> Conflict:
    if said.get("reason") == "AlreadyExists":
        return AlreadyThere(message)
    owned = [each for each in _causes(said) if each.get("reason") == "FieldManagerConflict"]
    if not owned:
        return Conflict(message)
    named = (_MANAGER.match(str(each.get("message"))) for each in owned)
    return Owned(message, frozenset(match[1] for match in named if match))


def _has_cause(said: dict[str, Any], name: str, value: str) -> bool:
    return any(each.get(name) == value for each in _causes(said))


def _causes(said: dict[str, Any]) -> list[dict[str, Any]]:
    details = said.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    listed = causes if isinstance(causes, list) else []
    return [each for each in listed if isinstance(each, dict)]


def _name(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
