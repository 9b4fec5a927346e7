"""Under which address packets of a pod arrive."""

from __future__ import annotations

import socket
from contextlib import closing

from deploy.local.packets.namespaces import Namespace

WITHIN = 30.0


def seen_as(source: Namespace, destination: Namespace, ends: tuple[str, str], port: int) -> str:
    """Return under which address a connection arrives where nothing forbids it."""
    with (
        closing(destination.socket(socket.SOCK_STREAM)) as listener,
        closing(source.socket(socket.SOCK_STREAM)) as caller,
    ):
        for each in (listener, caller):
            each.settimeout(WITHIN)
        listener.bind(("", port))
        listener.listen(1)
        caller.bind((ends[0], 0))
        caller.connect((ends[1], port))
        connection, (address, _) = listener.accept()
        connection.close()
        return str(address)
