"""A local world of several clusters in one graph: a core near Verefoo, and a part at each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

from deploy.installation import initialise
from deploy.local.packets.router import Side, joined
from deploy.local_cluster import APISERVER, EMBEDDED, LocalCluster
from deploy.workers import WorkerProcess, Workers
from deploy.world import SECURED, Plan, World, WorldError
from streams.settings import Settings

NAMES = ("one", "two", "three", "four")


class JointWorld(World):
    """A world whose parts run apart, and whose clusters are joined by a router."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.names = NAMES[: plan.clusters]
        self.clusters: dict[str, LocalCluster] = {}

    def endpoints(self) -> dict[str, Any]:
        """Return where everything listens, in each cluster as well."""
        clusters = {
            name: {"server": each.server.url, "kubeconfig": str(each.kubeconfig)}
            | ({"packets": str(each.packets)} if self.plan.packets else {})
            for name, each in self.clusters.items()
        }
        graph = self.settings.graph.model_dump(mode="json", include={"links", "subnets"})
        return {**super().endpoints(), "clusters": clusters, **graph}

    async def start_workers(self, wanted: int) -> None:
        """Start the core, and a part at each cluster."""
        parts = [self.core(), *map(self.at, self.names)]
        for each in parts:
            await initialise(each)
        self.workers = Workers([self.part(*each) for each in enumerate(parts)])
        self._stack.push_async_callback(self.workers.stop)
        await self.workers.start()

    def core(self) -> Settings:
        """Return the settings of the core."""
        return self.settings.model_copy(update={"part": "core"})

    def at(self, name: str) -> Settings:
        """Return the settings of the part at a cluster."""
        told = {"name": name, "kubeconfig": self.clusters[name].for_workers}
        cluster = self.settings.cluster.model_copy(update=told)
        return self.settings.model_copy(update={"part": "cluster", "cluster": cluster})

    def part(self, number: int, settings: Settings) -> WorkerProcess:
        """Return the worker of one part, not started."""
        process = self.worker(number)
        name = "core" if settings.part == "core" else settings.cluster.name
        graph = settings.graph.model_dump(mode="json", include={"clusters", "links"})
        environment = {
            **process.environment,
            **{f"VEREFLOW_GRAPH__{key.upper()}": json.dumps(told) for key, told in graph.items()},
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
        plan = self.plan
        if plan.kube not in (EMBEDDED, APISERVER) or plan.broker == SECURED or plan.workers > 1:
            raise WorldError(
                "--clusters is for clusters of our own, with one worker at each, and not for"
                f" {SECURED}, where there is one login for all"
            )
        await super()._start()

    async def _initialise(self) -> None:
        """Leave it to the parts, each with what is its own."""

    async def _kubernetes(self) -> Path:
        ranges = (f"10.{244 + number}.0.0/16" for number in range(len(self.names)))
        started = map(self._cluster_in, self._folders(), ranges)
        self.clusters = dict(zip(self.names, await asyncio.gather(*started), strict=True))
        if self.plan.packets:
            self._stack.enter_context(joined(*self._sides()))
        first = self.clusters[self.names[0]]
        self.kubernetes, self._kubeconfig = first.server, first.kubeconfig
        return first.for_workers

    def _folders(self) -> list[Path]:
        """Return where each cluster is kept; the first one where one alone would be."""
        folder = self.plan.state_dir
        others = [folder / name for name in self.names[1:]]
        for each in others:
            each.mkdir(exist_ok=True)
        return [folder, *others]

    def _sides(self) -> Sequence[Side]:
        return [Side(name, each.packets, each.pods) for name, each in self.clusters.items()]

    def _links(self) -> Sequence[dict[str, Any]]:
        """Return how clusters see each other: as they are."""
        pairs = permutations(self.names, 2)
        return [{"source": source, "destination": destination} for source, destination in pairs]

    def _graph_settings(self) -> dict[str, Any]:
        shared = {"clusters": self.names, "links": self._links()}
        return {**super()._graph_settings(), **shared}

    def _cluster_settings(self) -> dict[str, Any]:
        return {**super()._cluster_settings(), "name": self.names[0]}
