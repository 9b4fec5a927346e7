"""A world whose parts run apart: the core, and at each cluster what needs its API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from deploy.demo.stage import Stage
from deploy.installation import initialise
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from deploy.local.kubernetes.kubelet import Kubelet
from deploy.local.kubernetes.server import KubernetesServer
from deploy.workers import WorkerProcess, Workers
from deploy.world import World
from streams.settings import Settings
from tests.e2e.acting import Actor, acting
from tests.faults.line import Line

NOBODY = "http://127.0.0.1:9/nobody"


class Far:
    """A cluster beside the world's own: its API server, and the line to it."""

    def __init__(self, server: KubernetesServer, line: Line, kubeconfig: Path) -> None:
        self.server = server
        self.line = line
        self.kubeconfig = kubeconfig
        self.stage: Stage


class Apart(World):
    """A core without an API server, and at each cluster a part without a Verefoo."""

    names: tuple[str, ...] = ("one",)
    far: Far | None = None

    async def start_workers(self, wanted: int) -> None:
        """Start a worker for each part."""
        parts = [("core", self._core()), *((name, self._at(name)) for name in self.names)]
        for _, settings in parts:
            await initialise(settings)
        processes = [self.part(name, settings) for name, settings in parts]
        self.workers = Workers(processes)
        self._stack.push_async_callback(self.workers.stop)
        await self.workers.start()

    def part(self, name: str, settings: Settings) -> WorkerProcess:
        """Return the worker of one part, not started; it has nothing that is not its own."""
        process = super().worker(0)
        environment = {
            **process.environment,
            "VEREFLOW_PART": settings.part,
            "VEREFLOW_CLUSTER__NAME": settings.cluster.name,
            "VEREFLOW_CLUSTER__KUBECONFIG": str(settings.cluster.kubeconfig),
            "VEREFLOW_VEREFOO__URL": settings.verefoo.url,
            "VEREFLOW_STATE_DIR": str(self.plan.state_dir / "workers" / name),
        }
        log = self.plan.state_dir / "logs" / f"{name}.log"
        return replace(process, name=name, environment=environment, log=log)

    async def _initialise(self) -> None:
        """Leave it to the parts, each with what is its own."""
        if len(self.names) > 1:
            self.far = await self._second()

    def _core(self) -> Settings:
        cluster = self.settings.cluster.model_copy(update={"kubeconfig": Path("/nowhere")})
        return self.settings.model_copy(update={"part": "core", "cluster": cluster})

    def _at(self, name: str) -> Settings:
        told: dict[str, Any] = {"name": name}
        if self.far is not None and name != self.names[0]:
            told["kubeconfig"] = self.far.kubeconfig
        cluster = self.settings.cluster.model_copy(update=told)
        verefoo = self.settings.verefoo.model_copy(update={"url": NOBODY})
        changes = {"part": "cluster", "cluster": cluster, "verefoo": verefoo}
        return self.settings.model_copy(update=changes)

    async def _second(self) -> Far:
        server = KubernetesServer()
        await server.start()
        self._stack.push_async_callback(server.stop)
        http = await self._stack.enter_async_context(server.client())
        self._background(Kubelet(http).run())
        own = {"metadata": {"name": self.settings.cluster.own_namespace}}
        await http.post("/api/v1/namespaces", json=own)
        port = urlsplit(server.url).port or 0
        line = await self._stack.enter_async_context(Line(lambda: port))
        there = write_kubeconfig(
            self.plan.state_dir / "kubeconfig-two", f"http://127.0.0.1:{line.port}"
        )
        far = Far(server, line, there)
        far.stage = Stage(http, httpx.AsyncClient(), 0)
        return far


@asynccontextmanager
async def apart(folder: Path, *names: str, **parts: Any) -> AsyncIterator[Actor]:
    """Start such a world; the settings of all parts are in the environment."""
    kind = type("Apart", (Apart,), {"names": names})
    async with acting(folder, 1, kind=kind, **parts) as actor:
        yield actor
