"""Refuse a state dir that others could change, or that is not ours to write."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from pathlib import Path
from typing import TextIO

TABLES = "tables"


class BadStateDir(ValueError):
    """The state dir cannot be used; the message says why and what to do."""


def claim_state_dir(path: Path) -> TextIO:
    """Make the state dir, or check the one there is; it is ours while what is returned is open.

    Raise BadStateDir if it cannot be used.
    """
    try:
        # A mount is often everybody's: what is made below it is ours alone.
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise _bad(path, "it is not a directory, or a link to nothing") from None
    except OSError as error:
        raise _bad(path, f"it cannot be made: {error.strerror}") from None
    found, link = path.stat(), path.lstat()
    if found.st_uid != os.geteuid() or link.st_uid != os.geteuid():
        what = f"a link to {path.resolve()}, not all ours" if path.is_symlink() else "not ours"
        raise _bad(path, f"it is {what}: name a directory below it, or own it")
    if found.st_mode & stat.S_IWOTH:
        raise _bad(path, f"everybody may write to it: name one below it, or `chmod o-w {path}`")
    if not os.access(path, os.W_OK | os.X_OK):
        raise _bad(path, "it is read-only")
    return _locked(path)


def drop_rows_of_before(path: Path, epoch: int) -> None:
    """Remove the rows that were kept here in another epoch: changelogs have what is left of them.

    Somebody may have had all rows begin anew, at the broker, where ours are not.
    """
    note = path / "epoch"
    if note.is_file() and note.read_text() == str(epoch):
        return
    shutil.rmtree(path / TABLES, ignore_errors=True)
    note.write_text(str(epoch))


def _locked(path: Path) -> TextIO:
    try:
        lock = (path / "lock").open("a")
    except OSError as error:
        raise _bad(path, f"its lock cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        # Two would take turns to break each other's tables, and the group would never rest.
        raise _bad(path, "another worker uses it: give each its own") from None
    return lock


def _bad(path: Path, why: str) -> BadStateDir:
    return BadStateDir(f"state_dir {path}: {why}")
