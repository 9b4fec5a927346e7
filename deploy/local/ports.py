"""Find a free loopback port, the usual one if nobody has it."""

from __future__ import annotations

import socket


def free_port(preferred: int = 0) -> int:
    """Return the preferred port if it is free, else any that is."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
