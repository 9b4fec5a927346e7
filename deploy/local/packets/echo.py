"""Say back whatever comes to the ports of a pod, by TCP and UDP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.objects import ContainerPort

_BACKLOG = 512


class Echo:
    """Everything that listens in one namespace."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.BaseTransport] = set()

    async def listen(self, namespace: Namespace, ports: Iterable[ContainerPort]) -> None:
        """Listen on every port whose protocol we speak."""
        loop = asyncio.get_running_loop()
        for protocol, number in sorted({(port.protocol, port.number) for port in ports}):
            if protocol == "TCP":
                listener = _bound(namespace, socket.SOCK_STREAM, number)
                self._servers.append(
                    await loop.create_server(
                        lambda: _Streamed(self._open), sock=listener, backlog=_BACKLOG
                    )
                )
            elif protocol == "UDP":
                listener = _bound(namespace, socket.SOCK_DGRAM, number)
                await loop.create_datagram_endpoint(lambda: _Thrown(self._open), sock=listener)

    def close(self) -> None:
        """Close every socket at once: an open one would keep its namespace."""
        for server in self._servers:
            server.close()
        for transport in tuple(self._open):
            if isinstance(transport, asyncio.WriteTransport | asyncio.DatagramTransport):
                transport.abort()


class _Remembered(asyncio.BaseProtocol):
    def __init__(self, connected: set[asyncio.BaseTransport]) -> None:
        self._connected = connected
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connected.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connected.discard(self._transport)


class _Streamed(_Remembered, asyncio.Protocol):
    def data_received(self, data: bytes) -> None:
        self._transport.write(data)

    def pause_writing(self) -> None:
        # Who does not read what he said is not listened to.
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()


class _Thrown(_Remembered, asyncio.DatagramProtocol):
    def datagram_received(self, data: bytes, sender: tuple[str | Any, int]) -> None:
        self._transport.sendto(data, sender)


def _bound(namespace: Namespace, kind: socket.SocketKind, port: int) -> socket.socket:
    made = namespace.socket(kind)
    made.bind(("", port))
    return made
