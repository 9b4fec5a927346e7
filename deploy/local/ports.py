"""Listen on a loopback port, the usual one if nobody has it."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def listen(preferred: int = 0) -> socket.socket:
    """Return a socket that listens on the preferred port if nobody has it, else on any."""
    try:
        return socket.create_server((HOST, preferred))
    except OSError:
        return socket.create_server((HOST, 0))
