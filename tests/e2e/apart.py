"""A world whose parts run apart: the core, and at each cluster what needs its API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from deploy.demo.stage import Stage
from deploy.installation import initialise
from deploy.local.ports import HOST
from deploy.local_cluster import LocalCluster
from deploy.workers import WorkerProcess, Workers
from deploy.world import World
from streams.settings import Settings
from tests.e2e.acting import Actor, acting
from tests.faults.line import Line
from tests.faults.lines import LinedBroker, by_line, port_of

NOBODY = "http://127.0.0.1:9/nobody"


class Far:
    """A cluster beside the world's own, and the lines of its part to its servers."""

    cluster: LocalCluster
    kubeconfig: Path
    kube: httpx.AsyncClient
    stage: Stage

    def __init__(self, world: World) -> None:
        def to_broker() -> int:
            assert isinstance(world.broker, LinedBroker)
            return world.broker.ports[0]

        self.to_kube = Line(lambda: port_of(self.cluster.server.url))
        self.to_broker = Line(to_broker, seed=1)


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
            "VEREFLOW_KAFKA__BROKER": settings.kafka.broker,
            "VEREFLOW_CLUSTER__NAME": settings.cluster.name,
            "VEREFLOW_CLUSTER__KUBECONFIG": str(settings.cluster.kubeconfig),
            "VEREFLOW_VEREFOO__URL": settings.verefoo.url,
            "VEREFLOW_STATE_DIR": str(self.plan.state_dir / "workers" / name),
        }
        log = self.plan.state_dir / "logs" / f"{name}.log"
        return replace(process, name=name, environment=environment, log=log)

    async def _start(self) -> None:
        if len(self.names) > 1:
            self.far = Far(self)
            for line in (self.far.to_kube, self.far.to_broker):
                await self._stack.enter_async_context(line)
        await super()._start()

    async def _initialise(self) -> None:
        """Leave it to the parts, each with what is its own."""

    async def _broker(self) -> str:
        if self.far is None or self.plan.broker != "kafka":
            return await super()._broker()
        self.broker = LinedBroker(self.plan.state_dir / "kafka", [self.far.to_broker])
        await self._stack.enter_async_context(self.broker)
        return self.broker.bootstrap

    async def _kubernetes(self) -> Path:
        own = super()._kubernetes()
        if self.far is None:
            return await own
        way, _ = await asyncio.gather(own, self._second(self.far))
        return way

    async def _second(self, far: Far) -> None:
        folder = self.plan.state_dir / "two"
        folder.mkdir()
        far.cluster = await self._cluster_in(folder)
        far.kube = await self._stack.enter_async_context(far.cluster.server.client())
        # No Verefoo is there to be asked.
        far.stage = Stage(far.kube, far.kube, 0)
        given = far.cluster.for_workers
        far.kubeconfig = given.with_name("kubeconfig-by-line")
        far.kubeconfig.touch(0o600)
        far.kubeconfig.write_text(by_line(given.read_text(), far.cluster.server.url, far.to_kube))

    def _core(self) -> Settings:
        cluster = self.settings.cluster.model_copy(update={"kubeconfig": Path("/nowhere")})
        return self.settings.model_copy(update={"part": "core", "cluster": cluster})

    def _at(self, name: str) -> Settings:
        told: dict[str, Any] = {"name": name}
        kafka = self.settings.kafka
        if self.far is not None and name != self.names[0]:
            told["kubeconfig"] = self.far.kubeconfig
            if self.plan.broker == "kafka":
                by = f"{HOST}:{self.far.to_broker.port}"
                kafka = kafka.model_copy(update={"broker": by})
        cluster = self.settings.cluster.model_copy(update=told)
        verefoo = self.settings.verefoo.model_copy(update={"url": NOBODY})
        changes = {"part": "cluster", "cluster": cluster, "verefoo": verefoo, "kafka": kafka}
        return self.settings.model_copy(update=changes)


@asynccontextmanager
async def apart(folder: Path, *names: str, **parts: Any) -> AsyncIterator[Actor]:
    """Start such a world; the settings of all parts are in the environment."""
    kind = type("Apart", (Apart,), {"names": names})
    async with acting(folder, 1, kind=kind, **parts) as actor:
        yield actor
