"""Sessions of browsers: signed with what the token gives, so that any worker knows them.

A session says until when it lasts and nothing else. Who has one cannot find the token from it, and
another token ends them all.
"""

from __future__ import annotations

import base64
import hmac
import re

_PURPOSE = b"vereflow session 1"
_SESSION = re.compile(r"([1-9][0-9]{0,11})\.([A-Za-z0-9_-]{43})")


def begin(token: str, until: int) -> str:
    """Return a session that lasts until a time, in whole seconds since 1970."""
    return f"{until}.{_signature(token, until)}"


def end_of(token: str, session: str) -> int | None:
    """Return until when a session lasts; None for what is none, or was made with another token."""
    match = _SESSION.fullmatch(session)
    if match is None:
        return None
    until = int(match[1])
    return until if same(match[2], _signature(token, until)) else None


def same(shown: str, known: str) -> bool:
    """Tell whether two texts are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(shown.encode(errors="replace"), known.encode())


def _signature(token: str, until: int) -> str:
    key = hmac.digest(token.encode(), _PURPOSE, "sha256")
    signed = hmac.digest(key, str(until).encode(), "sha256")
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()
