"""
End every child when its owner is gone, however it went: nobody handles SIGKILL.

Run as a program it reads process ids from its input, one a line, and at the end of it kills those
that are still there. A pid is held by a descriptor (Linux, pidfd_open(2)): it is never another's.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import cache


def hold(pid: int) -> None:
    """Have a child of ours killed when we are gone; where there is no pidfd, it stays."""
    if hasattr(os, "pidfd_open"):
        with suppress(BrokenPipeError):
            os.write(_holder(), f"{pid}\n".encode())


@cache
def _holder() -> int:
    """Return where one process of this file, for all our children, reads."""
    ours, ends = os.pipe()
    # Nobody waits for it: it ends after us.
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", __file__],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, ours, 0),
            # Whoever reads what we say must not wait for this process as well.
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    os.close(ours)
    return ends


def main() -> None:
    """Hold whom we are told to until nobody can tell us any more."""
    held = []
    for line in sys.stdin:
        with suppress(ProcessLookupError):
            held.append(os.pidfd_open(int(line)))
    for descriptor in held:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)


if __name__ == "__main__":
    main()
