"""Say back whatever comes to the ports of a pod, by TCP and UDP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.objects import ContainerPort

_BACKLOG = 512
_AT_ONCE = 65536


class Echo:
    """
    Everything that listens in one namespace.

    Plain sockets: asyncio's own servers can leave one open that came while they
    were closed, and an open socket keeps its namespace.
    """

    def __init__(self) -> None:
        self._open: set[socket.socket] = set()
        self._loop = asyncio.get_running_loop()

    def listen(self, namespace: Namespace, ports: Iterable[ContainerPort]) -> None:
        """Listen on every port whose protocol we speak."""
        for protocol, number in sorted({(port.protocol, port.number) for port in ports}):
            if protocol == "TCP":
                listener = namespace.socket(socket.SOCK_STREAM)
                listener.bind(("", number))
                listener.listen(_BACKLOG)
                self._serve(listener, self._accept)
            elif protocol == "UDP":
                mailbox = namespace.socket(socket.SOCK_DGRAM)
                mailbox.bind(("", number))
                self._serve(mailbox, self._return)

    def close(self) -> None:
        """Close every socket."""
        for each in tuple(self._open):
            self._end(each)

    def _serve(self, each: socket.socket, heard: Callable[[socket.socket], None]) -> None:
        self._open.add(each)
        self._loop.add_reader(each, heard, each)

    def _accept(self, listener: socket.socket) -> None:
        # Who called may have gone again.
        with suppress(OSError):
            connection, _ = listener.accept()
            connection.setblocking(False)
            self._serve(connection, self._say_back)

    def _say_back(self, connection: socket.socket) -> None:
        said = sent = b""
        with suppress(OSError):
            said = connection.recv(_AT_ONCE)
            sent = said[: connection.send(said)]
        # Who does not read what he said is not listened to any more.
        if not said or sent != said:
            self._end(connection)

    def _return(self, mailbox: socket.socket) -> None:
        with suppress(OSError):
            said, sender = mailbox.recvfrom(_AT_ONCE)
            mailbox.sendto(said, sender)

    def _end(self, each: socket.socket) -> None:
        self._open.discard(each)
        self._loop.remove_reader(each)
        each.close()
