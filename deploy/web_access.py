"""How a worker's web server is reached, and reaches others: by what the files of the settings hold.

Tokens and certificates are replaced while we run: each is taken up with the next request, or the
next connection, behind its replacement.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from agents.asking.connecting import Connect, NotShown
from agents.web.access import Access, Keys, Proxy
from deploy.secret_files import NoLogin, secret, trust
from streams.settings_web import WebSettings

SHORTEST_TOKEN = 32
LONGEST_TOKEN = 512
LARGEST_FILE = 1 << 20
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")

log = structlog.get_logger()


def access_of(web: WebSettings) -> Access:
    """Return how the pages that are set are reached; raise NoLogin."""
    certificates = None
    if web.certificate is not None and web.key is not None:
        certificates = Certificates(web.certificate, web.key).context
    return Access(_keys(web), certificates, web.names, connect_of(web))


def connect_of(web: WebSettings) -> Connect:
    """Return how workers are reached; raise NoLogin."""
    known = _Known(web.ca) if web.ca is not None else None
    if web.token_file is None:
        return Connect(known.context if known else None)
    token = token_of("web.token_file", web.token_file)

    def shown() -> str:
        if known is not None:
            known.refresh()
        return token()

    return Connect(known.context if known else None, shown)


def token_of(setting: str, path: Path) -> Callable[[], str]:
    """Return what reads the token of a setting; raise NoLogin if there is none now."""
    file = _File(path)
    file.is_another()
    held = [_token(setting, path)]

    def token() -> str:
        try:
            if file.is_another():
                # None until it is read: who takes the file away wants nobody let in by it.
                held.clear()
                held.append(_token(setting, path))
        except NoLogin as error:
            raise NotShown(str(error)) from error
        if not held:
            raise NotShown(f"{setting} {path}: there is no token")
        return held[0]

    return token


class Certificates:
    """The certificates that a server shows, as their files are at each handshake."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._paths = (certificate, key)
        self._files = (_File(certificate), _File(key))
        self._has_another()
        self._current = self._load()
        self.context = self._load()
        self.context.sni_callback = self._choose

    def _choose(self, connection: Any, name: str | None, context: ssl.SSLContext) -> None:
        if self._has_another():
            try:
                self._current = self._load()
            except NoLogin as error:
                # Between the two files, or for good: the former are shown meanwhile.
                log.warning("certificates are not taken up", reason=str(error))
        connection.context = self._current

    def _has_another(self) -> bool:
        return any([file.is_another() for file in self._files])

    def _load(self) -> ssl.SSLContext:
        certificate, key = self._paths
        _check_size("web.certificate", certificate)
        _check_size("web.key", key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # Without a password, somebody would be asked for one.
            context.load_cert_chain(certificate, key, password="")
        except (OSError, ssl.SSLError) as error:
            said = error.strerror or "no certificates and their key"
            raise NoLogin(f"web.certificate {certificate}, web.key {key}: {said}") from error
        return context


class _Known:
    """By whom workers are known; whoever is added to the file is known as well."""

    def __init__(self, ca: Path) -> None:
        self._ca = ca
        self._file = _File(ca)
        self._file.is_another()
        _check_size("web.ca", ca)
        self.context = trust("web.ca", ca)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2

    def refresh(self) -> None:
        """Take up who was added."""
        if not self._file.is_another():
            return
        try:
            _check_size("web.ca", self._ca)
            self.context.load_verify_locations(self._ca)
        except (NoLogin, OSError, ssl.SSLError) as error:
            log.warning("authorities are not taken up", file=str(self._ca), reason=str(error))


class _File:
    """Tells when a file was replaced, or changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None

    def is_another(self) -> bool:
        """Tell whether it is another than at the last time this was asked."""
        try:
            told = self._path.stat()
        except OSError:
            seen: tuple[int, ...] = ()
        else:
            seen = (told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns)
        is_another = seen != self._seen
        self._seen = seen
        return is_another


def _keys(web: WebSettings) -> Keys | None:
    if web.token_file is None:
        return None
    proxy = None
    if web.proxy_token_file is not None:
        shown = token_of("web.proxy_token_file", web.proxy_token_file)
        proxy = Proxy(web.proxy_header, shown)
        if shown() == _token("web.token_file", web.token_file):
            raise NoLogin("web.proxy_token_file: the proxy has a token of its own")
    return Keys(token_of("web.token_file", web.token_file), web.session_seconds, proxy)


def _token(setting: str, path: Path) -> str:
    token = secret(setting, path, LONGEST_TOKEN)
    if len(token) < SHORTEST_TOKEN or _TOKEN.fullmatch(token) is None:
        raise NoLogin(
            f"{setting} {path}: a token is {SHORTEST_TOKEN} to {LONGEST_TOKEN} of A-Z, a-z, 0-9"
            " and . _ ~ + / -, as `openssl rand -hex 32` makes one"
        )
    return token


def _check_size(setting: str, path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise NoLogin(f"{setting} {path}: {error.strerror}") from error
    if size > LARGEST_FILE:
        raise NoLogin(f"{setting} {path}: larger than {LARGEST_FILE} bytes")
