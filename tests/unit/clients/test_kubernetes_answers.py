"""What an API server's refusals amount to, worded as the real one words them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.clients.api_answers import LONGEST_MESSAGE, LONGEST_WAIT, error_of, retry_after
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

UNDECLARED = (
    "failed to create typed patch object (ns/x; networking.k8s.io/v1, Kind=NetworkPolicy): "
    ".spec.foo: field not declared in schema"
)
LIST = (
    "failed to create typed patch object (ns/x; networking.k8s.io/v1, Kind=NetworkPolicy): "
    ".spec.ingress[0].ports: expected list, got &{80}"
)
NUMBER = (
    "failed to convert new object (ns/x; networking.k8s.io/v1, Kind=NetworkPolicy) to proper "
    "version: json: cannot unmarshal number 80.5"
)


def said(status: int, message: str = "", reason: str = "", *causes: dict[str, str]) -> ClientError:
    body: dict[str, Any] = {"kind": "Status", "status": "Failure", "message": message}
    body |= {"code": status, **({"reason": reason} if reason else {})}
    if causes:
        body["details"] = {"causes": list(causes)}
    return error_of("PATCH /x", status, json.dumps(body).encode(), {})


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Refused, said(400, "bad", "BadRequest")),
        (TryLater, said(401, "Unauthorized", "Unauthorized")),
        (Refused, said(403, "cannot list", "Forbidden")),
        (NotThere, said(404, "not found", "NotFound")),
        (AlreadyThere, said(409, "exists", "AlreadyExists")),
        (Conflict, said(409, "modified", "Conflict")),
        (Gone, said(410, "too old", "Expired")),
        (Refused, said(413, "too large", "RequestEntityTooLarge")),
        (Refused, said(415, "unsupported", "UnsupportedMediaType")),
        (Refused, said(422, "invalid", "Invalid", {"field": "spec.ingress[0].ports[0].port"})),
        (Conflict, said(422, "immutable", "Invalid", {"field": "metadata.uid"})),
        (TryLater, said(429, "slow down", "TooManyRequests")),
        (TryLater, said(500, "etcdserver: leader changed")),
        (TryLater, said(500, "boom", "InternalError")),
        (Refused, said(500, UNDECLARED)),
        (Refused, said(500, LIST)),
        (Refused, said(500, NUMBER)),
        (TryLater, said(503, "shutting down", "ServiceUnavailable")),
        (TryLater, said(504, "request timed out", "Timeout")),
        (Gone, said(504, "future", "Timeout", {"reason": "ResourceVersionTooLarge"})),
        (TryLater, said(302, "elsewhere")),
        (TryLater, said(599, "unheard of")),
    ],
)
def test_an_answer_says_what_can_be_done(error: type[ClientError], answer: ClientError) -> None:
    assert type(answer) is error


def test_a_conflict_of_managers_names_them() -> None:
    owned = said(
        409,
        "Apply failed with 2 conflicts",
        "Conflict",
        {"reason": "FieldManagerConflict", "message": 'conflict with "m1"', "field": ".spec.a"},
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "m2" using networking.k8s.io/v1',
            "field": ".spec.b",
        },
    )

    assert isinstance(owned, Owned)
    assert owned.managers == {"m1", "m2"}


def test_a_message_says_what_was_tried_and_answered() -> None:
    assert str(said(422, "spec.x: bad", "Invalid")) == (
        "PATCH /x: 422 Unprocessable Entity: spec.x: bad"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
        b'{"details": 5}',
        b'{"details": {"causes": [null, 5]}}',
        b'{"details": {"causes": 5}}',
        b'{"message": 7}',
        b'{"message": "' + b"long \\n" * 10_000 + b'"}',
    ],
)
@pytest.mark.parametrize("status", [400, 409, 422, 429, 500])
def test_no_answer_is_too_odd(status: int, content: bytes) -> None:
    message = str(error_of("GET /x", status, content, {}))

    assert message.startswith("GET /x: ")
    assert len(message) <= LONGEST_MESSAGE
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0),
        ("0", 0.0),
        ("1000000000", LONGEST_WAIT),
        ("-1", None),
        ("1.5", None),
        ("nan", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.row("R13")
def test_only_a_number_of_seconds_is_waited_for(text: str | None, seconds: float | None) -> None:
    assert retry_after(text) == seconds


def test_plain_text_that_says_when_is_heeded() -> None:
    error = error_of("GET /x", 429, b"Too many requests", {"Retry-After": "1"})

    assert isinstance(error, TryLater)
    assert error.retry_after == 1.0
    assert "Too many requests" in str(error)
