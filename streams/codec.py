"""Turn bytes into records and records into bytes; what cannot be read becomes a value too.

Faust loses a record whose decoding raises, and its neighbours: no record can make it.
"""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from streams.records.base import Record
from streams.records.reasons import LetterReason

R = TypeVar("R", bound=Record)

MAX_BYTES = 1 << 20
# The broker counts key, headers and framing too, and a record it refuses ends the worker.
MAX_SENT_BYTES = MAX_BYTES - (64 << 10)
MAX_DETAIL = 200
MAX_DIGITS = 19
# No writer of ours produces it, so it tells a key that was not UTF-8 from every other key.
KEY_MARK = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Poison:
    """Bytes that are no record, and why: ``detail`` is for people."""

    raw: bytes
    reason: LetterReason
    detail: str = ""


@dataclass(frozen=True)
class Unread:
    """A record that nobody has read, for want of memory or of files: whoever gets it ends."""

    error: Exception


class RecordTooLarge(ValueError):
    """A record that would not travel: raised to its sender, before anything is written."""


class _Unreadable(Exception):
    def __init__(self, reason: LetterReason, detail: object = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def decode(raw: bytes, record_type: type[R]) -> R | Poison:
    """Read one record; raise MemoryError or OSError for want of those, nothing for what it says."""
    try:
        _check_text(raw)
        return record_type.model_validate_json(raw)
    except _Unreadable as error:
        reason, detail = error.reason, error.detail
    except ValidationError as error:
        reason, detail = _explain(error)
    except (MemoryError, OSError):
        raise
    except Exception as error:
        # A validator that fails on what it did not expect has found a bad field as well.
        reason, detail = LetterReason.BAD_FIELD, f"{type(error).__name__}: {error}"
    return Poison(raw, reason, escape(detail))


def encode(record: Record) -> bytes:
    """Return the record as it travels; raise RecordTooLarge rather than let it out."""
    raw = record.to_bytes()
    if len(raw) > MAX_SENT_BYTES:
        raise RecordTooLarge(f"{type(record).__name__} of {len(raw)} bytes")
    return raw


def escape(detail: object) -> str:
    """Return a bounded text that is safe in a log, a terminal and a header."""
    # Cut twice: escaping a 1 MB text only to throw it away would be a gift to the sender.
    text = str(detail)[:MAX_DETAIL]
    return _escaped(text)[0].decode("ascii")[:MAX_DETAIL]


def _check_text(raw: bytes) -> None:
    """Refuse what a JSON parser would take although two parsers could read it differently."""
    if not raw:
        raise _Unreadable(LetterReason.EMPTY)
    if len(raw) > MAX_BYTES:
        raise _Unreadable(LetterReason.TOO_LARGE, f"{len(raw)} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Unreadable(LetterReason.NOT_UTF8, error) from error
    try:
        value = _SCANNER.decode(text)
    except RecursionError as error:
        raise _Unreadable(LetterReason.TOO_DEEP) from error
    except ValueError as error:
        raise _Unreadable(LetterReason.NOT_JSON, error) from error
    if not isinstance(value, dict):
        raise _Unreadable(LetterReason.NOT_AN_OBJECT, type(value).__name__)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Unreadable(LetterReason.DUPLICATE_KEY, key)
            seen.add(key)
    return found


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise _Unreadable(LetterReason.NUMBER_TOO_BIG, f"{len(digits)} digits")
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise _Unreadable(LetterReason.NUMBER_TOO_BIG, digits)
    return number


def _constant(name: str) -> NoReturn:
    raise _Unreadable(LetterReason.NOT_JSON, name)


# Python reads the file of an encoding when it is first used, and there may be no file left to open.
_escaped = codecs.lookup("unicode_escape").encode
_SCANNER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
_REASONS = {"missing": LetterReason.MISSING_FIELD, "model_type": LetterReason.NOT_AN_OBJECT}
# What only pydantic's parser minds, told apart by its message: it has one code for all of them.
_SYNTAX = {
    "recursion": LetterReason.TOO_DEEP,
    "surrogate": LetterReason.LONE_SURROGATE,
    "hex escape": LetterReason.LONE_SURROGATE,
}


def _explain(error: ValidationError) -> tuple[LetterReason, str]:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    first = details[0]
    if first["type"] == "json_invalid":
        words = [reason for word, reason in _SYNTAX.items() if word in first["msg"]]
        return (words or [LetterReason.NOT_JSON])[0], first["msg"]
    # A bad field of a part is a bad field, whatever the part is.
    reason = _REASONS.get(first["type"], LetterReason.BAD_FIELD)
    if reason is LetterReason.NOT_AN_OBJECT and first["loc"]:
        reason = LetterReason.BAD_FIELD
    path = ".".join(str(step) for step in first["loc"])
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return reason, f"{path[:100]}: {first['msg']}{more}"
