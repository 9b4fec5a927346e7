"""Reach the web servers of workers: by what they are known, and what they are shown."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator
from typing import NamedTuple

import httpx

from streams.settings_values import leaves_in_the_clear

_TIMEOUT = httpx.Timeout(5.0, connect=2.0)
_Flow = Generator[httpx.Request, httpx.Response, None]


class NotShown(Exception):
    """There is no token to show, or nobody to whom it may be shown."""


class Connect(NamedTuple):
    """How workers are reached."""

    trust: ssl.SSLContext | None = None
    """By what they are known over TLS; None: as any other server."""
    token: Callable[[], str] | None = None
    """Returns what they are shown, as it is at this moment; raises NotShown. None: nothing."""


NOBODY_IN_PARTICULAR = Connect()


def client(connect: Connect) -> httpx.AsyncClient:
    """Return a client of web servers of workers; whoever takes it closes it."""
    return httpx.AsyncClient(
        trust_env=False,
        timeout=_TIMEOUT,
        verify=connect.trust or True,
        auth=_Bearer(connect.token) if connect.token is not None else None,
    )


class _Bearer(httpx.Auth):
    """Shows the token with each request, where nobody on the way can read it."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Show the token; raise NotShown if that cannot be."""
        # Whose address this is, others say: other workers, or whoever names one to a command.
        if leaves_in_the_clear(str(request.url)):
            raise NotShown("a token is not shown over plain http; name it as https")
        request.headers["Authorization"] = f"Bearer {self._token()}"
        yield request
