"""Write log lines without ever waiting for whoever reads them.

A container runtime that stands still leaves a pipe full, and whoever writes to it waits: with the
event loop that would be heartbeats, commits and the views.
"""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
from typing import TextIO

MOST_WAITING = 10_000
# How long the end of a process waits for its last lines.
LAST_WORDS = 1.0


class LineHandler(logging.Handler):
    """Hands each line to a thread that may wait; what is too much is counted and left out."""

    def __init__(self, out: TextIO, most: int = MOST_WAITING) -> None:
        super().__init__()
        self._out = out
        self._lines: queue.Queue[str] = queue.Queue(most)
        self._dropped = 0
        threading.Thread(target=self._write, name="log-lines", daemon=True).start()
        atexit.register(self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; it never waits."""
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._dropped += 1

    def flush(self) -> None:
        """Return when all lines are out, or soon, if nobody takes them."""
        deadline = time.monotonic() + LAST_WORDS
        while self._lines.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.005)

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            try:
                self._out.write(f"{line}\n{self._apology()}")
                self._out.flush()
            except (OSError, ValueError):
                # Its disk is full, or it is closed: there is nobody to tell.
                pass
            finally:
                self._lines.task_done()

    def _apology(self) -> str:
        dropped, self._dropped = self._dropped, 0
        return f"{dropped} lines were left out: nobody read them\n" if dropped else ""
