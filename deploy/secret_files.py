"""Read what a login needs from files; no message repeats what is in one."""

from __future__ import annotations

import ssl
from pathlib import Path

from deploy.errors import Unusable

LONGEST_SECRET = 4096


class NoLogin(Unusable):
    """A file that a login needs cannot be read."""


def secret(setting: str, path: Path, longest: int = LONGEST_SECRET) -> str:
    """Return what the file of a setting holds, without the end of its line; raise NoLogin."""
    try:
        with path.open("rb") as file:
            told = file.read(longest + 1).decode().rstrip("\r\n")
    except OSError as error:
        raise NoLogin(f"{setting} {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise NoLogin(f"{setting} {path}: not text") from None
    if not 0 < len(told) <= longest:
        raise NoLogin(f"{setting} {path}: 1 to {longest} characters")
    return told


def trust(setting: str, ca: Path | None) -> ssl.SSLContext:
    """Return by what the file of a setting, or the system, knows others; raise NoLogin."""
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise NoLogin(f"{setting} {ca}: {error.strerror or 'no certificates'}") from error
