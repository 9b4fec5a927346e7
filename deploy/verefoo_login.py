"""Connect to Verefoo: it is known by a certificate, and shown a token."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path

import httpx

from agents.clients.errors import NotLetIn
from deploy.secret_files import NoLogin, secret, trust
from streams.settings import VerefooSettings

_Flow = Generator[httpx.Request, httpx.Response, None]
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def verefoo_client(told: VerefooSettings) -> httpx.AsyncClient:
    """Return a client of the Verefoo that is set; raise NoLogin."""
    if told.token_file is not None:
        # Now it is a mistake of whoever starts us; later, of whoever replaces it.
        _token(told.token_file)
    return httpx.AsyncClient(
        base_url=told.url,
        verify=trust("verefoo.ca", told.ca),
        auth=_Bearer(told.token_file) if told.token_file is not None else None,
        trust_env=False,
    )


class _Bearer(httpx.Auth):
    """Shows what the file holds when a request is made: tokens are replaced while we run."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Show the token; raise NotLetIn if there is none."""
        try:
            request.headers["Authorization"] = f"Bearer {_token(self._path)}"
        except NoLogin as error:
            raise NotLetIn(str(error)) from error
        yield request


def _token(path: Path) -> str:
    token = secret("verefoo.token_file", path)
    if _BEARER.fullmatch(token) is None:
        raise NoLogin(f"verefoo.token_file {path}: not a bearer token")
    return token
