"""Processes as Linux shows them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def runs(pid: int) -> bool:
    """Tell whether a process is there; one that nobody waits for is gone."""
    try:
        return _after_its_name(pid)[0] != "Z"
    except FileNotFoundError:
        return False


def children(parent: int) -> Iterator[int]:
    """Yield the processes that one started and that are there."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if _after_its_name(int(folder.name))[1] == str(parent):
                yield int(folder.name)


def descendants(ancestor: int) -> Iterator[int]:
    """Yield the processes that one started, and that these did."""
    for child in children(ancestor):
        yield child
        yield from descendants(child)


def _after_its_name(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
