"""Dead letters are listed once each, the newest last, and steer no terminal."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from agents.asking.letters import list_letters
from streams.records.policies import DeadLetter


def record(
    offset: int, at: float, raw: bytes = b"{}", reason: str = "not-json", key: bytes | None = None
) -> Any:
    encoded = base64.b64encode(raw).decode()
    letter = DeadLetter(
        topic="pod-events", partition=0, offset=offset, reason=reason, raw=encoded, at=at
    )
    return stored(letter.to_bytes(), key)


def stored(value: bytes | None, key: bytes | None = None) -> Any:
    return SimpleNamespace(
        key=key,
        value=value,
        topic="dead-letters",
        partition=3,
        offset=9,
        timestamp=1_795_583_575_251,
    )


def test_a_letter_that_was_written_again_is_one_letter() -> None:
    listed = list_letters([record(1, 10), record(2, 20), record(1, 30, reason="too-large")])

    assert [each["key"] for each in listed] == ["pod-events/0/2", "pod-events/0/1"]
    assert listed[-1]["reason"] == "too-large"


def test_a_letter_that_was_dropped_is_gone_until_it_is_written_again() -> None:
    dropped = stored(None, b"pod-events/0/1")

    assert list_letters([record(1, 10), dropped]) == []
    assert len(list_letters([record(1, 10), dropped, record(1, 10)])) == 1


def test_what_lay_at_no_offset_is_told_apart_by_its_key() -> None:
    pods = (b"kubernetes/default/pod-a/7", b"kubernetes/default/pod-b/8")

    listed = list_letters([record(-1, at, key=key) for at, key in enumerate(pods)])

    assert [each["key"].encode() for each in listed] == [*pods]


def test_the_newest_letter_comes_last_and_numbers_count_as_numbers() -> None:
    listed = list_letters([record(10, 5), record(9, 5), record(11, 4)])

    assert [each["key"][-2:] for each in listed] == ["11", "/9", "10"]


def test_the_bytes_are_shown_escaped_and_given_in_full() -> None:
    raw = b'\x1b[2J\xff{"a": "\xe2\x80\xae"}\n' + b"x" * 1000

    (letter,) = list_letters([record(1, 0, raw)])

    assert letter["excerpt"].isprintable()
    assert letter["excerpt"].startswith(r"\x1b[2J\xff")
    assert len(letter["excerpt"]) < 300
    assert base64.b64decode(letter["raw"]) == raw


def test_the_time_is_said_in_utc() -> None:
    (letter,) = list_letters([record(1, 1_795_583_575.9)])

    assert letter["at"] == "2026-11-25T05:12:55.900Z"


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[1]", b'{"topic": 1}'])
def test_what_is_no_letter_is_listed_as_it_lies(value: bytes | None) -> None:
    (letter,) = list_letters([stored(value)])

    assert (letter["key"], letter["reason"]) == ("dead-letters/3/9", "no-letter")
    assert base64.b64decode(letter["raw"]) == (value or b"")


@pytest.mark.parametrize(("at", "raw"), [(1e300, "AA=="), (-1e300, "AA=="), (0, "?"), (0, "A")])
def test_a_letter_with_nonsense_in_it_is_listed_too(at: float, raw: str) -> None:
    letter = DeadLetter(topic="t", partition=0, offset=0, reason="r", raw=raw, at=at)

    assert [each["key"] for each in list_letters([stored(letter.to_bytes())])] == ["t/0/0"]
