"""Listen on a free loopback port, or find one for a program that listens itself."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def listen(preferred: int = 0) -> socket.socket:
    """Return a socket that listens on the preferred port if nobody has it, else on any."""
    try:
        return socket.create_server((HOST, preferred))
    except OSError:
        return socket.create_server((HOST, 0))


def free_port(preferred: int = 0) -> int:
    """Return a port that is free now; whoever binds it later may find it taken, and asks again."""
    with listen(preferred) as found:
        return int(found.getsockname()[1])
