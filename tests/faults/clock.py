"""Clocks of workers, which a test sets ahead or back while they run."""

from __future__ import annotations

from pathlib import Path

from deploy.workers import WorkerProcess

# Python runs a module of this name, found on its path, before anything else.
SOURCE = """
import datetime, os, time

_time, _file = time.time, os.environ["CLOCK"]
_read = [0.0, 0.0]


def shift():
    now = time.monotonic()
    if now - _read[1] > 0.1:
        with open(_file) as told:
            _read[:] = float(told.read() or _read[0]), now
    return _read[0]


class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls):
        return cls.now(datetime.UTC).replace(tzinfo=None)


time.time = lambda: _time() + shift()
time.time_ns = lambda: int(time.time() * 1e9)
datetime.datetime = Shifted
"""


class Clock:
    """The clock of one worker, from its next start on."""

    def __init__(self, folder: Path, worker: WorkerProcess) -> None:
        folder = folder / f"clock-{worker.name}"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(SOURCE)
        self._told = folder / "shift"
        self.set(0)
        worker.environment = {
            **worker.environment,
            "PYTHONPATH": str(folder),
            "CLOCK": str(self._told),
        }

    def set(self, seconds: float) -> None:
        """Have it go wrong by so many seconds from now on."""
        beside = self._told.with_suffix(".new")
        beside.write_text(str(seconds))
        beside.replace(self._told)
