"""Dead letters: what could not be handled, why, and its bytes."""

from __future__ import annotations

import base64
import binascii
from collections import Counter

from agents.asking.letters import list_letters
from agents.asking.newest import Newest
from agents.asking.plain import plain
from agents.asking.seen import Seen
from agents.asking.view import View
from agents.web.pages.page import Listing, Page
from streams.flow.output import DEAD_LETTERS
from streams.records.reasons import LetterReason

# Bytes of each: `vereflow dead-letters -o json` has all.
MOST_SHOWN = 2_000


class Letter(View):
    """One record that could not be handled."""

    key: str
    at: str
    reason: str
    detail: str
    meaning: str
    advice: str
    text: str
    size: int
    raw: str


class Count(View):
    """How many letters have one reason."""

    reason: str
    count: int


class Letters(View):
    """What could not be handled, the newest first: where it lay, why, and its bytes."""

    letters: tuple[Letter, ...]
    reasons: tuple[Count, ...]
    total: int
    more: bool
    next: str | None
    gaps: tuple[str, ...]


def letters(seen: Seen, asked: Listing) -> Letters:
    """Return the letters, each once, the newest first."""
    told = seen.letters.newest.get(DEAD_LETTERS, Newest((), False))
    every = list_letters(told.records)[::-1]
    counted = Counter(each["reason"] for each in every)
    found = [
        each
        for each in every
        if asked.q.lower() in f"{each['key']} {each['reason']} {each['excerpt']}".lower()
    ]
    keys = [each["key"] for each in found]
    start = keys.index(asked.after) + 1 if asked.after in keys else 0
    shown = found[start : start + asked.limit]
    return Letters(
        letters=tuple(map(_letter, shown)),
        reasons=tuple(Count(reason=each, count=n) for each, n in counted.most_common()),
        total=len(found),
        more=told.more,
        next=shown[-1]["key"] if start + len(shown) < len(found) else None,
        gaps=seen.gaps,
    )


def _letter(told: dict[str, str]) -> Letter:
    known = {str(each): each for each in LetterReason}.get(told["reason"])
    raw = _bytes(told["raw"])
    return Letter(
        key=told["key"],
        at=told["at"],
        reason=told["reason"],
        detail=told["detail"],
        meaning=known.meaning if known else "",
        advice=known.advice if known else "",
        text=plain(raw[:MOST_SHOWN].decode("utf-8", "backslashreplace")),
        size=len(raw),
        raw=base64.b64encode(raw[:MOST_SHOWN]).decode(),
    )


def _bytes(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        return b""


PAGES = (Page("/dead-letters", "letters.html", letters, Listing, Letters, ("letters",)),)
