"""The dead letters, each once, as plain data."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from agents.asking.plain import plain
from agents.asking.times import clock
from streams.codec import decode
from streams.records.policies import DeadLetter
from streams.records.reasons import LetterReason

Json = dict[str, Any]

EXCERPT = 200


class Doing(StrEnum):
    """What may be done about a letter."""

    RETRY = "retry"
    DROP = "drop"


class LetterStays(ValueError):
    """Nothing was done about a letter; the message says why, and what to do instead."""


class Found(NamedTuple):
    """A letter, and in which record it lies."""

    letter: DeadLetter
    record: Any


def list_letters(records: Iterable[Any]) -> list[Json]:
    """Return every letter once, as plain data, the newest last."""
    found = find_letters(records)
    newest_last = sorted(found, key=lambda key: _age(found[key].letter))
    return [_as_data(key, found[key].letter) for key in newest_last]


def find_letters(records: Iterable[Any]) -> dict[str, Found]:
    """Return every letter by its key: a replay writes the same one again, a drop takes it away."""
    found: dict[str, Found] = {}
    for record in records:
        if record.value is None and record.key is not None:
            found.pop(_text(record.key), None)
            continue
        letter = _letter(record)
        key = _key(record, letter)
        if key not in found or found[key].letter.at <= letter.at:
            found[key] = Found(letter, record)
    return found


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


def _key(record: Any, letter: DeadLetter) -> str:
    if letter.offset < 0 and record.key:
        # What lay at no offset has no other name.
        return _text(record.key)
    return f"{letter.topic}/{letter.partition}/{letter.offset}"


def _text(key: bytes) -> str:
    return plain(key.decode("utf-8", "backslashreplace"))


def _age(letter: DeadLetter) -> tuple[float, str, int]:
    return (letter.at, letter.topic, letter.offset)


def _as_data(key: str, letter: DeadLetter) -> Json:
    return {
        "key": key,
        "reason": letter.reason,
        "detail": letter.detail,
        "at": clock(letter.at),
        "excerpt": _excerpt(letter.raw),
        "raw": letter.raw,
    }


def _excerpt(encoded: str) -> str:
    try:
        raw = base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        return ""
    return plain(raw[:EXCERPT].decode("utf-8", "backslashreplace"))
