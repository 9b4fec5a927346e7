"""Find a loopback port, and listen on the usual one if nobody has it."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def listen(preferred: int = 0) -> socket.socket:
    """Return a socket that listens on the preferred port if nobody has it, else on any."""
    try:
        return socket.create_server((HOST, preferred))
    except OSError:
        return socket.create_server((HOST, 0))


def free_port() -> int:
    """Return a port that is free now, for who is told a port and cannot be handed a socket."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
