"""Pods in a network of their own, and questions to the kernel about them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import PodNetwork, link_of
from deploy.local.packets.probing import LONG_WAIT, Probe, Verdict, probe_all, probe_twice
from deploy.local.packets.ruleset import render
from deploy.local.packets.translate import translate
from tests.unit.local.packets.worlds import namespaces, policy

Json = dict[str, Any]

ARRIVED = (Verdict.OPEN, Verdict.REFUSED)
DENY_ALL = policy("deny-all", policyTypes=["Ingress", "Egress"])


class Crowd:
    """A network with some pods, which live in the namespace `default` unless they say else."""

    def __init__(self, folder: Path, pods: Iterable[Json]) -> None:
        self.network = PodNetwork(folder)
        self._folder = folder
        self._pods = {pod["metadata"]["name"]: pod for pod in pods}
        self._known: set[str] = set()
        self._ruleset = render([])
        self._namespaces: dict[str, Namespace] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.network)
        for pod in self._pods.values():
            await self.start(pod)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def start(self, pod: Json) -> None:
        """Start a pod and connect it, under the policies in force."""
        await self.network.start(pod, pod["status"]["podIP"])
        self._known.add(pod["metadata"]["uid"])
        await self.network.enforce(self._ruleset, self._known)

    async def enforce(self, *policies: Json, pods: Iterable[Json] | None = None) -> None:
        """Enforce policies among our pods, or among others that have the same addresses."""
        known = self._pods.values() if pods is None else pods
        self._ruleset = render(translate(known, namespaces(), policies))
        await self.network.enforce(self._ruleset, self._known)

    def address(self, name: str) -> str:
        return str(self._pods[name]["status"]["podIP"])

    def namespace(self, name: str) -> Namespace:
        """Return a pod's namespace, open until the crowd goes."""
        if name not in self._namespaces:
            where = self._pods[name]["metadata"]["namespace"]
            found = self._namespaces[name] = Namespace.at(link_of(self._folder, where, name))
            self._stack.callback(found.close)
        return self._namespaces[name]

    def probe(self, source: str, destination: str, protocol: str = "TCP", port: int = 80) -> Probe:
        ends = self.address(source), self.address(destination)
        return Probe(self.namespace(source), *ends, protocol, 0 if protocol == "ICMP" else port)

    async def see(self, *probe: Any) -> Verdict:
        """Send one packet and say what became of it."""
        seen = await asyncio.to_thread(probe_twice, [self.probe(*probe)])
        return seen[0].verdict

    async def drops(self, *probe: Any) -> bool:
        """Send one packet and say whether it got no answer; a second look could only be milder."""
        seen = await asyncio.to_thread(probe_all, [self.probe(*probe)])
        return seen[0].verdict is Verdict.DROPPED

    async def connect(self, source: str, destination: str, port: int = 80) -> socket.socket:
        """Return an open connection."""
        made = self.namespace(source).socket(socket.SOCK_STREAM)
        self._stack.callback(made.close)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(60):
            await loop.sock_connect(made, (self.address(destination), port))
        return made


async def echoed(connection: socket.socket, said: bytes, within: float) -> bool:
    """Tell whether what is said on a connection comes back."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, said)
    try:
        async with asyncio.timeout(within):
            return await loop.sock_recv(connection, 1024) == said
    except TimeoutError:
        return False


def arrivals(probes: Sequence[Probe], wanted: Sequence[bool]) -> list[bool]:
    """Tell of each probe whether it arrives; one that should and does not gets a longer look."""
    found = [each.verdict in ARRIVED for each in probe_all(probes)]
    late = [at for at, should in enumerate(wanted) if should and not found[at]]
    for at, seen in zip(late, probe_all([probes[at] for at in late], LONG_WAIT), strict=True):
        found[at] = seen.verdict in ARRIVED
    return found
