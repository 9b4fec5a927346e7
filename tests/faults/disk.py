"""A disk of a few megabytes, which a test fills."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BLOCK = 4096


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Have a disk of so many megabytes there, and nothing else, until the end."""
    folder.mkdir(mode=0o700, parents=True)
    options = f"size={megabytes}m,mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on the disk of a folder; return what takes it all."""
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(BLOCK))
    return ballast
