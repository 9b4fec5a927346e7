"""An API server, a kubelet and a node agent: all that makes policies drop packets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from deploy.local.kubernetes.kinds import PODS
from deploy.local.kubernetes.kubelet import Kubelet
from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import PodNetwork, link_of
from deploy.local.packets.node_agent import NodeAgent
from deploy.local.packets.probing import Probe, Verdict, probe_all
from tests.integration.kubernetes.servers import Embedded
from tests.integration.kubernetes.world import World

WITHIN = 60.0


class Node:
    """What somebody sees who asks the API server, and the kernel."""

    def __init__(self, server: Embedded, world: World, folder: Path) -> None:
        self.server = server
        self.world = world
        self.folder = folder

    async def runs(self, name: str, namespace: str = "default") -> str:
        """Return a pod's address once it runs."""
        return await soon(lambda: self._address(name, namespace))

    async def _address(self, name: str, namespace: str) -> str:
        pods = self.server.store.all(PODS, namespace)
        found = [each for each in pods if each["metadata"]["name"] == name]
        return str(found[0].get("status", {}).get("podIP", "")) if found else ""

    async def verdict(self, source: str, destination: str, port: int = 80) -> Verdict:
        """Connect from one pod to another, each NAMESPACE/NAME or a name in `default`."""
        ends = [_ends(source), _ends(destination)]
        addresses = [await self.runs(name, where) for where, name in ends]
        namespace = self.namespace(source)
        try:
            probe = Probe(namespace, *addresses, "TCP", port)
            return (await asyncio.to_thread(probe_all, [probe]))[0].verdict
        finally:
            namespace.close()

    def namespace(self, pod: str) -> Namespace:
        return Namespace.at(link_of(self.folder, *_ends(pod)))

    async def becomes(self, wanted: Verdict, source: str, destination: str) -> None:
        """Return once that is what becomes of a connection; fail if it never does."""

        async def is_so() -> bool:
            return await self.verdict(source, destination) is wanted

        await soon(is_so)


async def soon(look: Callable[[], Awaitable[Any]]) -> Any:
    """Return the first answer that says something; fail if none does in time."""
    deadline = time.monotonic() + WITHIN
    while not (found := await look()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Node]:
    """Run a node with all its parts."""
    server = Embedded(bookmark_seconds=0.5)
    await server.start()
    kubeconfig = server.kubeconfig(folder / "kubeconfig")
    async with (
        World(server) as world,
        server.client() as http,
        PodNetwork(folder / "packets") as network,
        task(Kubelet(http, sandboxes=network, retry_seconds=0.05).run()),
    ):
        agent = NodeAgent(kubeconfig, network.enforce)
        async with task(agent.run()):
            async with asyncio.timeout(WITHIN):
                await agent.ready.wait()
            yield Node(server, world, folder / "packets")
    await server.stop()


@asynccontextmanager
async def task(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let something run meanwhile; it must not have ended by itself."""
    running = asyncio.create_task(work)
    try:
        yield
        assert not running.done(), running.exception()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def _ends(pod: str) -> tuple[str, str]:
    namespace, _, name = pod.rpartition("/")
    return namespace or "default", name
