"""Change an input a little: its bytes, or what its JSON says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

_WORDS = [
    b"null", b"true", b"0", b"-1", b"1e999", b"NaN", b'""', b"{}", b"[]", b"9" * 30, b'"\\ud800"',
    b"\x00", b"\xff", "\u0661".encode(), b"*", b"-", b".", b"/", b",", b":", b"\n", b" ",
]  # fmt: skip
_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 65536, 2**31, 2**63, 10**30, 10**400, 0.5, float("nan"), 1e308,
    "", "*", "a", "10.0.0.-1", "80-90", "-1", "--1", "\u0661", "\ud800", "\x00", "x" * 300,
    "TCP", "0.0.0.0/0", "::1", [], {}, [[]], {"": None}, [None], ["a"], {"a": "b"},
]  # fmt: skip
_DEPTHS = (5, 50, 150, 250, 500, 900, 990, 1100)


def mutated(raw: bytes, random: Random, others: Sequence[bytes] = (), head: int = 0) -> bytes:
    """Return another input near this one."""
    front, body = bytearray(raw[:head]), raw[head:]
    if front and random.random() < 0.3:
        front[random.randrange(len(front))] = random.randrange(256)
    for _ in range(random.choice((1, 1, 2, 4))):
        body = _once(body, random, others)
    return bytes(front) + body


def _once(body: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    if random.random() < 0.6:
        try:
            return _said(json.loads(body), random)
        except (ValueError, RecursionError):
            pass
    return _spliced(body, random, others)


def _said(told: Any, random: Random) -> bytes:
    """Return JSON in which one value or one name is another."""
    holder: Any = [told]
    places: list[tuple[Any, Any]] = []
    ahead: list[Any] = [holder]
    while ahead:
        one = ahead.pop()
        keys = list(one) if isinstance(one, dict) else list(range(len(one)))
        places += [(one, key) for key in keys]
        ahead += [one[key] for key in keys if isinstance(one[key], dict | list)]
    place, key = random.choice(places)
    _change(place, key, random, random.choice(places))
    text = json.dumps(holder[0], ensure_ascii=random.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def _change(place: Any, key: Any, random: Random, other: tuple[Any, Any]) -> None:
    way = random.randrange(7)
    if way == 0 and isinstance(place, dict):
        del place[key]
    elif way == 1 and isinstance(place, dict):
        place[random.choice((*map(str, _VALUES[:4]), "a", key + "x"))] = place.pop(key)
    elif way == 2 and isinstance(place, list):
        place += [place[key]] * random.choice((1, 3, 100))
    elif way == 3:
        for _ in range(random.choice(_DEPTHS)):
            place[key] = [place[key]] if random.random() < 0.5 else {"a": place[key]}
    elif way == 4 and not isinstance(other[0][other[1]], dict | list):
        place[key] = other[0][other[1]]
    elif way == 5 and isinstance(place[key], str) and place[key]:
        at = random.randrange(len(place[key]))
        put = random.choice([each for each in _VALUES if isinstance(each, str)])
        place[key] = place[key][:at] + put + place[key][at + random.randrange(2) :]
    else:
        place[key] = random.choice(_VALUES)


def _spliced(body: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at = random.randrange(len(body) + 1)
    to = min(len(body), at + random.choice((0, 0, 1, 1, 4, 20)))
    way = random.randrange(5)
    if way == 0:
        put = random.choice(_WORDS)
    elif way == 1:
        put = bytes([random.randrange(256)])
    elif way == 2:
        put = body[at:to] * random.choice((2, 10, 1000))
    elif way == 3 and others:
        other = random.choice(others)
        start = random.randrange(len(other) + 1)
        put = other[start : start + random.randrange(60)]
    else:
        put = random.choice((b"[", b'{"a":', b"{")) * random.choice(_DEPTHS)
    return body[:at] + put + body[to:]
