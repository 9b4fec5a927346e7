"""The one hook for tests that end a worker at a named step; without its variable it does nothing.

``VEREFLOW_FAILPOINT=sent:20`` kills the process when it has sent what follows from its twentieth
record, as a crash would: nothing is flushed, committed or closed.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "VEREFLOW_FAILPOINT"
STEPS = ("stored", "sent", "applied", "edited", "committing")
# Of no worker, but of the command that changes what nodes stand for.
MIGRATING = "migrating"

_left: dict[str, int] = {}
if _told := os.environ.get(VARIABLE):
    _step, _, _times = _told.partition(":")
    if _step not in (*STEPS, MIGRATING) or not _times.isdecimal():
        raise ValueError(f"{VARIABLE}: say one of {', '.join(STEPS)}, a colon and how many times")
    _left[_step] = int(_times)


def passing(step: str) -> None:
    """Note that a step was reached; end the process if it is the one that was asked for."""
    if step in _left:
        _left[step] -= 1
        if _left[step] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
