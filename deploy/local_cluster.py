"""A cluster of our own: an API server, a kubelet, and a node where pods are network namespaces."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import httpx

from deploy.account import make_account
from deploy.backing import beside, remembered
from deploy.local.kubernetes.apiserver.server import ApiServer
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from deploy.local.kubernetes.kubelet import Kubelet
from deploy.local.kubernetes.server import KubernetesServer
from deploy.local.packets.network import PodNetwork
from deploy.local.packets.node_agent import NodeAgent
from streams.settings import Settings

EMBEDDED = "embedded"
# kube-apiserver and etcd of our own.
APISERVER = "apiserver"
ENFORCING_WITHIN = 60.0
POD_RANGE = "10.244.0.0/16"


class LocalCluster:
    """One cluster; what it holds stays in its folder, and is found again."""

    def __init__(
        self,
        folder: Path,
        kube: str,
        *,
        packets: bool = False,
        pods: str = POD_RANGE,
        needed: Iterable[Path] = (),
    ) -> None:
        """Take a folder, what the API server is, and which rights workers need besides."""
        self.server: KubernetesServer | ApiServer
        self.kubeconfig: Path
        """The way in for people."""
        self.for_workers: Path
        """The way in for workers, with the rights that we ship."""
        self.packets = folder / "packets"
        """Where the network namespaces of its pods are found, if they are any."""
        self.pods = pods
        """Where pods have their addresses that ask for none."""
        self._folder = folder
        self._kube = kube
        self._needed = tuple(needed)
        self._lives = packets
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            network = None
            if self._lives:
                network = await stack.enter_async_context(PodNetwork(self.packets))
            if self._kube == APISERVER:
                await self._start_apiserver(stack, network)
            else:
                await self._start_embedded(stack, network)
            if network is not None:
                await self._enforce(stack, network)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start_embedded(self, stack: AsyncExitStack, network: PodNetwork | None) -> None:
        server = self.server = KubernetesServer()
        await stack.enter_async_context(remembered(server, self._folder / "kubernetes.json"))
        http = await stack.enter_async_context(server.client())
        await stack.enter_async_context(beside(self._kubelet(http, network).run()))
        # Where the workers keep their lease; there may be one from an earlier run.
        own = {"metadata": {"name": Settings.model_fields["cluster"].default.own_namespace}}
        await http.post("/api/v1/namespaces", json=own)
        self.kubeconfig = write_kubeconfig(self._folder / "kubeconfig", server.url)
        self.for_workers = self.kubeconfig

    async def _start_apiserver(self, stack: AsyncExitStack, network: PodNetwork | None) -> None:
        server = ApiServer(self._folder / "apiserver")
        self.server = await stack.enter_async_context(server)
        http = await stack.enter_async_context(server.client())
        await stack.enter_async_context(beside(self._kubelet(http, network).run()))
        token = await make_account(http, *self._needed)
        self.kubeconfig = server.kubeconfig
        path = self._folder / "workers-kubeconfig"
        self.for_workers = write_kubeconfig(path, server.url, token, server.authority)

    def _kubelet(self, http: httpx.AsyncClient, network: PodNetwork | None) -> Kubelet:
        return Kubelet(http, pod_range=self.pods, sandboxes=network)

    async def _enforce(self, stack: AsyncExitStack, network: PodNetwork) -> None:
        agent = NodeAgent(self.kubeconfig, network.enforce)
        await stack.enter_async_context(beside(agent.run()))
        async with asyncio.timeout(ENFORCING_WITHIN):
            await agent.ready.wait()
