"""Run one server as a child process: start it, ask for its end, kill it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local.leash import hold

STOP_WITHIN = 30.0


class Child:
    """One process; it outlives neither its owner nor `stop`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process to look at, or to kill; raise RuntimeError if there is none."""
        if self._process is None:
            raise RuntimeError("it was not started")
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Tell whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, command: Sequence[str], log: Path) -> None:
        """Start the process; what it says goes to the end of the log."""
        with log.open("ab") as written:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                # Ctrl-C must reach the workers while their servers still serve.
                start_new_session=True,
            )
        hold(self._process.pid)

    def terminate(self) -> None:
        """Ask the process to end, without waiting."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._forget()

    def stop(self) -> None:
        """End the process and wait for it."""
        self.terminate()
        if self._process is None:
            return
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._forget()

    def _forget(self) -> None:
        assert self._process is not None
        self._process.wait()
        self._process = None
