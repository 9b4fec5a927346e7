"""Ask the kernel who reaches whom: connections, datagrams and pings, many at once."""

from __future__ import annotations

import errno
import resource
import select
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from deploy.local.packets.namespaces import Namespace

# A packet that is dropped is told from one that is late only by silence.
WAIT = 0.4
#: Before a missing answer is called one, it is waited for once more.
LONG_WAIT = 1.5
_PING = struct.pack("!BBHHH", 8, 0, 0, 0, 1) + b"vereflow"
_PING_ANSWERED = 0
# IP_RECVERR, which has no name in the library: errors that may pass are told as well.
_TELL_ERRORS = 11


class Verdict(StrEnum):
    """What became of a packet."""

    OPEN = "open"
    REFUSED = "refused"
    """It arrived, and nobody listened."""
    REJECTED = "rejected"
    """Somebody on the way sent it back."""
    DROPPED = "dropped"


class Probe(NamedTuple):
    """A connection (TCP), a datagram with its answer (UDP) or a ping (ICMP)."""

    namespace: Namespace
    source: str
    destination: str
    protocol: str
    port: int = 0


class Seen(NamedTuple):
    """What the kernel said, and after how long."""

    verdict: Verdict
    seconds: float


def probe_all(probes: Sequence[Probe], wait: float = WAIT) -> list[Seen]:
    """Return what became of each; they overlap, as far as there are files for their sockets."""
    at_once = max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
    rest, seen = iter(probes), []
    while some := list(islice(rest, at_once)):
        seen += _Round(some).finish(wait)
    return seen


def probe_twice(probes: Sequence[Probe]) -> list[Seen]:
    """Return what became of each, with a longer second look at those without an answer."""
    seen = probe_all(probes)
    missing = [number for number, each in enumerate(seen) if each.verdict is Verdict.DROPPED]
    again = probe_all([probes[number] for number in missing], LONG_WAIT)
    for number, each in zip(missing, again, strict=True):
        seen[number] = each
    return seen


class _Round:
    """Probes that were all sent, and whose answers come in any order."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        self._seen: list[Seen | None] = [None] * len(probes)
        self._open: dict[int, tuple[int, float, socket.socket]] = {}
        self._poll = select.epoll()
        for number, probe in enumerate(probes):
            self._send(number, probe)

    def finish(self, wait: float) -> list[Seen]:
        """Take answers until none has come for so long; what has none was dropped."""
        while self._open and (ready := self._poll.poll(wait)):
            for file, _ in ready:
                number, began, sock = self._open[file]
                verdict = _answer(sock)
                if verdict is not None:
                    self._end(number, Seen(verdict, time.monotonic() - began), sock)
        for number, _, sock in tuple(self._open.values()):
            self._end(number, Seen(Verdict.DROPPED, wait), sock)
        self._poll.close()
        return [each for each in self._seen if each is not None]

    def _send(self, number: int, probe: Probe) -> None:
        sock = _socket(probe)
        began = time.monotonic()
        self._open[sock.fileno()] = number, began, sock
        awaited = select.EPOLLOUT if sock.type == socket.SOCK_STREAM else select.EPOLLIN
        try:
            # From the pod's own address: in another namespace there is none such.
            sock.bind((probe.source, 0))
            sock.connect_ex((probe.destination, probe.port))
            if sock.type == socket.SOCK_DGRAM:
                sock.send(_PING if probe.protocol == "ICMP" else b"vereflow")
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                self._close(sock)
                raise
            self._end(number, Seen(_said(error.errno), time.monotonic() - began), sock)
        else:
            self._poll.register(sock.fileno(), awaited)

    def _end(self, number: int, seen: Seen, sock: socket.socket) -> None:
        self._seen[number] = seen
        self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        del self._open[sock.fileno()]
        # A process being started in this moment holds a copy, and the poll would tell of it.
        with suppress(FileNotFoundError):
            self._poll.unregister(sock)
        sock.close()


def _socket(probe: Probe) -> socket.socket:
    match probe.protocol:
        case "TCP":
            made = probe.namespace.socket(socket.SOCK_STREAM)
            # Closed with a reset: nothing lingers in the namespace.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return made
        case "UDP":
            made = probe.namespace.socket(socket.SOCK_DGRAM)
        case "ICMP":
            # The kernel gives each its own identifier, by which it tells flows apart.
            made = probe.namespace.socket(socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
        case other:
            raise ValueError(f"{other} cannot be probed, only TCP, UDP and ICMP")
    made.setsockopt(socket.IPPROTO_IP, _TELL_ERRORS, 1)
    return made


def _answer(sock: socket.socket) -> Verdict | None:
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        return _said(code)
    if sock.type == socket.SOCK_STREAM:
        return Verdict.OPEN
    try:
        answer = sock.recv(256)
    except BlockingIOError:
        return None
    except OSError as error:
        return _said(error.errno)
    if sock.proto == socket.IPPROTO_ICMP and answer[:1] != bytes([_PING_ANSWERED]):
        return None
    return Verdict.OPEN


def _said(code: int | None) -> Verdict:
    return Verdict.REFUSED if code == errno.ECONNREFUSED else Verdict.REJECTED
