"""Decide who gets in: by the token, by a session that began with it, or through the proxy.

Nothing here knows of HTTP but the words of its headers.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agents.asking.connecting import NOBODY_IN_PARTICULAR, Connect, NotShown
from agents.web.attempts import Attempts
from agents.web.sessions import begin, end_of, same

Token = Callable[[], str]
"""Returns a token as it is at this moment; raises NotShown."""

LONGEST_USER = 200
_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/-]{1,512}=*)")


class Proxy(NamedTuple):
    """A proxy that people log in to: in which header it says who somebody is, and what it shows."""

    header: str
    token: Token


class Keys(NamedTuple):
    """What is asked of whoever wants in."""

    token: Token
    session_seconds: float
    proxy: Proxy | None = None


class Access(NamedTuple):
    """How a worker's pages are reached, and how it reaches those of the others."""

    keys: Keys | None = None
    """None: whoever reaches the port is let in."""
    tls: ssl.SSLContext | None = None
    names: tuple[str, ...] = ()
    """By which host names people come besides."""
    connect: Connect = NOBODY_IN_PARTICULAR


class Shown(NamedTuple):
    """What somebody shows who wants in."""

    address: str
    authorization: Sequence[str] = ()
    session: str = ""
    users: Sequence[str] = ()
    """What the proxy's header says, once for each time that it is there."""


class Guest(NamedTuple):
    """Somebody who was let in."""

    name: str
    until: float | None = None
    """Until when; None: he shows who he is each time."""


class Outsider(Exception):
    """Somebody who was not let in, and for how many seconds he need not try again."""

    def __init__(self, said: str, wait: float = 0.0) -> None:
        super().__init__(said)
        self.wait = wait


class Door:
    """Lets in whoever may, and counts who got it wrong."""

    def __init__(
        self,
        keys: Keys,
        refused: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        attempts: Attempts | None = None,
    ) -> None:
        self._keys = keys
        self._refused = refused
        self._clock = clock
        self._attempts = attempts or Attempts()

    def admit(self, shown: Shown) -> Guest:
        """Return who it is; raise Outsider, or NotShown where nobody knows the token any more."""
        bearer = _bearer(shown.authorization)
        if bearer is not None:
            return self._by_token(bearer, shown)
        if not shown.session:
            raise Outsider("the token is asked for here")
        until = end_of(self._keys.token(), shown.session)
        if until is None:
            # Also after the token was replaced, so it is no attempt; and nobody guesses 256 bits.
            self._refused("session")
            raise Outsider("this session is of another token: log in again")
        if until <= self._clock():
            raise Outsider("this session is over: log in again")
        return Guest("session", until)

    def begin(self, token: str, address: str) -> tuple[str, int]:
        """Return a session, and for how many seconds, for who knows the token; raise Outsider."""
        self._check(address)
        known = self._keys.token()
        if not same(token, known):
            raise self._wrong(address)
        lasts = max(1, int(self._keys.session_seconds))
        return begin(known, int(self._clock()) + lasts), lasts

    def still_knows(self, session: str) -> bool:
        """Tell whether a session would be let in at this moment."""
        try:
            until = end_of(self._keys.token(), session)
        except NotShown:
            return False
        return until is not None and until > self._clock()

    @property
    def proxy_header(self) -> str:
        """The header in which a proxy says who somebody is; empty without one."""
        return self._keys.proxy.header if self._keys.proxy else ""

    def _by_token(self, bearer: str, shown: Shown) -> Guest:
        self._check(shown.address)
        if same(bearer, self._keys.token()):
            return Guest("token")
        proxy = self._keys.proxy
        if proxy is not None and same(bearer, proxy.token()):
            return self._through_the_proxy(shown)
        raise self._wrong(shown.address)

    def _through_the_proxy(self, shown: Shown) -> Guest:
        # Twice, and one of them is from whoever sent the request to the proxy.
        if len(shown.users) != 1 or not 0 < len(shown.users[0]) <= LONGEST_USER:
            self._refused("proxy")
            raise Outsider("the proxy does not say who this is")
        return Guest(shown.users[0])

    def _check(self, address: str) -> None:
        wait = self._attempts.wait(address)
        if wait > 0:
            self._refused("too-many")
            raise Outsider("too many wrong tokens from this address", wait)

    def _wrong(self, address: str) -> Outsider:
        self._attempts.failed(address)
        self._refused("token")
        return Outsider("this is not the token")


def _bearer(authorization: Sequence[str]) -> str | None:
    """Return the bearer token that is shown; None for none, and for what is of another kind."""
    if len(authorization) != 1:
        return None
    match = _BEARER.fullmatch(authorization[0].strip())
    return match[1] if match else None
