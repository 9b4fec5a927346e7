"""The dead letters, each once, as plain data."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from agents.asking.plain import plain
from streams.codec import decode
from streams.records.policies import DeadLetter
from streams.records.reasons import LetterReason

Json = dict[str, Any]

EXCERPT = 200


def list_letters(records: Iterable[Any]) -> list[Json]:
    """Return every letter once: a replay writes the same one again."""
    found: dict[str, DeadLetter] = {}
    for record in records:
        letter = _letter(record)
        known = found.get(_key(letter))
        if known is None or known.at <= letter.at:
            found[_key(letter)] = letter
    newest_last = sorted(found.values(), key=lambda each: (each.at, each.topic, each.offset))
    return [_as_data(letter) for letter in newest_last]


def _letter(record: Any) -> DeadLetter:
    letter = decode(record.value or b"", DeadLetter)
    if isinstance(letter, DeadLetter):
        return letter
    # Somebody else wrote it there: it is shown as it lies.
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=LetterReason.NO_LETTER,
        detail=letter.reason,
        raw=base64.b64encode(letter.raw).decode(),
        at=record.timestamp / 1000,
    )


def _key(letter: DeadLetter) -> str:
    return f"{letter.topic}/{letter.partition}/{letter.offset}"


def _as_data(letter: DeadLetter) -> Json:
    return {
        "key": _key(letter),
        "reason": letter.reason,
        "detail": letter.detail,
        "at": _time(letter.at),
        "excerpt": _excerpt(letter.raw),
        "raw": letter.raw,
    }


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return ""


def _excerpt(encoded: str) -> str:
    try:
        raw = base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        return ""
    return plain(raw[:EXCERPT].decode("utf-8", "backslashreplace"))
