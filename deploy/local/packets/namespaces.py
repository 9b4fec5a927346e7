"""Network namespaces without a name: each is gone when the last process that holds it is."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

_NEW_NETWORK = 0x40000000
# Not /proc/self: only the thread that asks changes its namespace.
_OURS = "/proc/thread-self/ns/net"
_DONE_WITHIN = 60.0


class CommandFailed(RuntimeError):
    """A command in a namespace did not do what it was told."""


class Namespace:
    """One network namespace, held open by a file of this process."""

    def __init__(self, file: int) -> None:
        self._file = file

    @classmethod
    def new(cls) -> Self:
        """Make an empty one."""
        with _coming_back():
            _libc("unshare", _NEW_NETWORK)
            return cls.at(Path(_OURS))

    @classmethod
    def at(cls, path: Path) -> Self:
        """Hold the one that a file names."""
        return cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    @property
    def path(self) -> Path:
        """The file by which other programs find it while we hold it: `nsenter --net=PATH`."""
        return Path(f"/proc/{os.getpid()}/fd/{self._file}")

    def close(self) -> None:
        """Let go of it."""
        os.close(self._file)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be inside, with this thread alone; sockets made there stay there."""
        with _coming_back():
            _libc("setns", self._file, _NEW_NETWORK)
            yield

    def socket(self, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
        """Return a new socket that lives inside and does not block."""
        with self.inside():
            made = socket.socket(socket.AF_INET, kind, protocol)
        made.setblocking(False)
        return made

    def run(self, command: Sequence[str], told: str) -> None:
        """Run a command inside, with this text to read; raise CommandFailed if it fails."""
        try:
            with self.inside():
                done = subprocess.run(
                    command, input=told, text=True, capture_output=True, timeout=_DONE_WITHIN
                )
        except subprocess.TimeoutExpired as late:
            raise CommandFailed(f"{' '.join(command)}: not done in time") from late
        if done.returncode:
            raise CommandFailed(f"{' '.join(command)}: {done.stderr.strip()[:500]}")

    def set_kernel(self, name: str, value: str) -> None:
        """Set one of the namespace's own kernel parameters, such as ipv4/ip_forward."""
        with self.inside():
            Path("/proc/sys/net", name).write_text(value)


@contextmanager
def _coming_back() -> Iterator[None]:
    home = os.open(_OURS, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        _libc("setns", home, _NEW_NETWORK)
        os.close(home)


def _libc(function: str, *arguments: int) -> None:
    # os has setns and unshare from Python 3.12 on.
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)}")
