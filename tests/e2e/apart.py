"""A world whose parts run apart, with nothing that is not their own; one can be cut off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from deploy.demo.stage import Stage
from deploy.joint_world import JointWorld
from deploy.local.ports import HOST
from deploy.local_cluster import LocalCluster
from deploy.world import Plan
from streams.settings import Settings
from tests.e2e.acting import Actor, acting
from tests.faults.line import Line
from tests.faults.lines import LinedBroker, by_line, port_of

NOWHERE = Path("/nowhere")
NOBODY = "http://127.0.0.1:9/nobody"


class Apart(JointWorld):
    """A core without an API server, at each cluster a part without Verefoo, the second by lines."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)

        def broker_port() -> int:
            assert isinstance(self.broker, LinedBroker)
            return self.broker.ports[0]

        self.to_kube = Line(lambda: port_of(self.second.server.url))
        self.to_broker = Line(broker_port, seed=1)
        self.kube: httpx.AsyncClient
        self.stage: Stage

    @property
    def second(self) -> LocalCluster:
        """The cluster that can be cut off."""
        return self.clusters["two"]

    def core(self) -> Settings:
        """Return the settings of the core, which knows of no API server."""
        core = super().core()
        cluster = core.cluster.model_copy(update={"kubeconfig": NOWHERE})
        return core.model_copy(update={"cluster": cluster})

    def at(self, name: str) -> Settings:
        """Return the settings of the part at a cluster, which knows of no Verefoo."""
        part = super().at(name)
        changes: dict[str, Any] = {"verefoo": part.verefoo.model_copy(update={"url": NOBODY})}
        if name == "two":
            changes["cluster"] = part.cluster.model_copy(update={"kubeconfig": self._by_line()})
            if self.plan.broker == "kafka":
                by = {"broker": f"{HOST}:{self.to_broker.port}"}
                changes["kafka"] = part.kafka.model_copy(update=by)
        return part.model_copy(update=changes)

    async def start_workers(self, wanted: int) -> None:
        """Start them when somebody can act in the second cluster."""
        if "two" in self.clusters:
            self.kube = await self._stack.enter_async_context(self.second.server.client())
            # No Verefoo is there to be asked.
            self.stage = Stage(self.kube, self.kube, 0)
        await super().start_workers(wanted)

    async def _start(self) -> None:
        for line in (self.to_kube, self.to_broker):
            await self._stack.enter_async_context(line)
        await super()._start()

    async def _broker(self) -> str:
        if self.plan.broker != "kafka":
            return await super()._broker()
        self.broker = LinedBroker(self.plan.state_dir / "kafka", [self.to_broker])
        await self._stack.enter_async_context(self.broker)
        return self.broker.bootstrap

    def _by_line(self) -> Path:
        given = self.second.for_workers
        path = given.with_name("kubeconfig-by-line")
        path.touch(0o600)
        path.write_text(by_line(given.read_text(), self.second.server.url, self.to_kube))
        return path


@asynccontextmanager
async def apart(
    folder: Path, clusters: int, kind: type[Apart] = Apart, **parts: Any
) -> AsyncIterator[Actor]:
    """Start such a world."""
    async with acting(folder, 1, kind=kind, clusters=clusters, **parts) as actor:
        yield actor
