"""The whole local world: broker, API server, kubelet, Verefoo and workers, started and stopped."""

from __future__ import annotations

import asyncio
import fcntl
import json
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from agents.clients.verefoo import Verefoo
from deploy.account import needed
from deploy.backing import remembered
from deploy.errors import Unusable
from deploy.installation import initialise
from deploy.kafka_rights import grant, rights
from deploy.local.broker.apache import ApacheBroker
from deploy.local.broker.embedded import EmbeddedBroker
from deploy.local.broker.secured import ADMIN, MECHANISM, WORKER
from deploy.local.kubernetes.apiserver.server import ApiServer
from deploy.local.kubernetes.server import KubernetesServer
from deploy.local.packets.lacking import lacking
from deploy.local.verefoo.server import VerefooServer
from deploy.local_cluster import APISERVER, EMBEDDED, POD_RANGE, LocalCluster
from deploy.login import client_options
from deploy.placing import placement_of
from deploy.verefoo_login import verefoo_client
from deploy.workers import WorkerProcess, Workers
from streams.settings import Settings, load

# Apache Kafka of our own, and of how many nodes; anything else is where one listens.
KAFKA = {"kafka": 1, "kafka:3": 3, "kafka:secured": 1}
SECURED = "kafka:secured"
BROKER_HOOK = "deploy.local.broker.quirks:install"
VEREFOO_PORT = 8085
WEB_PORT = 6066
PLACEMENTS = ("star", "distributed", "distributed:hub")
_LOGIN = {"prefix", "tls", "ca", "user", "password_file", "mechanism"}


class WorldError(Unusable):
    """The local world cannot be started as asked."""


@dataclass(frozen=True)
class Plan:
    """What the local world is to be made of."""

    state_dir: Path
    workers: int = 1
    clusters: int = 1
    broker: str = EMBEDDED
    kube: str = EMBEDDED
    verefoo: str = EMBEDDED
    placement: str = "star"
    identity: str | None = None
    """What nodes stand for; None: what the settings say."""
    packets: bool = False
    """Whether pods are network namespaces, and policies enforced among them."""
    environment: dict[str, str] = field(default_factory=dict)
    """Settings of ours for the workers, as they stand in the environment."""


class World:
    """One local world; what is embedded runs in this process, except the broker."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.broker: EmbeddedBroker | ApacheBroker | None = None
        self.kubernetes: KubernetesServer | ApiServer | None = None
        self.verefoo: VerefooServer | None = None
        self.settings: Settings
        self.workers = Workers([])
        self._stack = AsyncExitStack()
        self._kubeconfig: Path | None = None
        self._graph = 0

    async def start(self) -> None:
        """Return when every part is ready; what was started is stopped again if one fails."""
        try:
            self._lock()
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything, last started first."""
        await self._stack.aclose()

    async def run(self, endpoints: Path | None = None) -> None:
        """Keep it running until cancelled, and the endpoints file true."""

        def on_restart() -> None:
            if endpoints is not None:
                self.write_endpoints(endpoints)

        await self.workers.supervise(on_restart)

    def endpoints(self) -> dict[str, Any]:
        """Return where everything listens, as the endpoints file says it."""
        settings = self.settings
        found: dict[str, Any] = {
            "kube": {
                "server": self.kubernetes.url if self.kubernetes else "",
                "kubeconfig": str(self._kubeconfig or ""),
            },
            "broker": settings.kafka.broker,
            "verefoo": {"url": settings.verefoo.url, "graph": self._graph},
            "web": [worker.url for worker in self.workers.workers],
            "pids": {worker.name: worker.pid for worker in self.workers.workers},
            "stateDir": str(self.plan.state_dir),
            "identity": settings.cluster.identity,
        }
        if self.plan.broker == SECURED:
            told = settings.kafka.model_dump(mode="json", include=_LOGIN)
            found["login"] = {to_camel(name): value for name, value in told.items()}
        if self.plan.packets:
            found["packets"] = str(self.plan.state_dir / "packets")
        if self.plan.broker == EMBEDDED:
            found["brokerHook"] = BROKER_HOOK
        return found

    def write_endpoints(self, path: Path) -> None:
        """Write the endpoints file; readers see the old one or the new one."""
        beside = path.with_name(path.name + ".new")
        beside.write_text(json.dumps(self.endpoints(), indent=2) + "\n")
        beside.replace(path)

    def _lock(self) -> None:
        folder = self.plan.state_dir
        folder.mkdir(parents=True, exist_ok=True)
        lock = self._stack.enter_context((folder / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WorldError(f"{folder} is in use by another vereflow up") from error

    async def _start(self) -> None:
        graph, cluster = self._graph_settings(), self._cluster_settings()
        # Whatever is wrong with them, before anything runs.
        load(graph=graph, cluster=cluster)
        folder = self.plan.state_dir
        (folder / "logs").mkdir(exist_ok=True)
        if self.plan.packets:
            self._check_packets()
        broker, kubeconfig, url = await asyncio.gather(
            self._broker(), self._kubernetes(), self._verefoo()
        )
        told: dict[str, Any] = {
            "kafka": {"broker": broker, **self._broker_settings(WORKER)},
            "cluster": {"kubeconfig": kubeconfig, **cluster},
            "verefoo": {"url": url},
            "graph": graph,
        }
        self.settings = load(**told)
        self._graph = await self._make_graph()
        await self._initialise()
        await self.start_workers(self.plan.workers)

    def _graph_settings(self) -> dict[str, Any]:
        if self.plan.placement not in PLACEMENTS:
            told = f"{self.plan.placement[:60]!r} is no placement"
            raise WorldError(f"{told}: {', '.join(PLACEMENTS)}")
        placement, _, wiring = self.plan.placement.partition(":")
        return {"placement": placement, "wiring": wiring or "mesh"}

    def _cluster_settings(self) -> dict[str, Any]:
        return {"identity": self.plan.identity} if self.plan.identity else {}

    async def _initialise(self) -> None:
        if self.plan.broker != SECURED:
            await initialise(self.settings)
            return
        kafka = self.settings.kafka.model_copy(update=self._broker_settings(ADMIN))
        admin = self.settings.model_copy(update={"kafka": kafka})
        await initialise(admin)
        await grant(rights(admin), WORKER, **client_options(kafka))

    def _check_packets(self) -> None:
        if self.plan.kube.startswith("kubeconfig"):
            raise WorldError("--packets is for pods of our own, not for those of another cluster")
        if lacks := lacking():
            raise WorldError(lacks)

    async def _broker(self) -> str:
        if self.plan.broker in KAFKA:
            nodes = KAFKA[self.plan.broker]
            secured = self.plan.broker == SECURED
            apache = ApacheBroker(self.plan.state_dir / "kafka", nodes, secured)
            self.broker = await self._stack.enter_async_context(apache)
            return apache.bootstrap
        if self.plan.broker != EMBEDDED:
            return self.plan.broker
        broker = EmbeddedBroker(self.plan.state_dir / "logs" / "broker.log")
        self.broker = await self._stack.enter_async_context(broker)
        # It forgets everything when it stops: tables of an earlier run have lost their changelogs.
        shutil.rmtree(self.plan.state_dir / "workers", ignore_errors=True)
        return broker.bootstrap

    def _broker_settings(self, user: str) -> dict[str, Any]:
        if isinstance(self.broker, ApacheBroker) and (secured := self.broker.secured):
            return {
                # One right covers what begins like this.
                "prefix": "vereflow-",
                "tls": True,
                "ca": secured.ca,
                "user": user,
                "password_file": secured.password_file(user),
                "mechanism": MECHANISM,
            }
        if self.plan.broker in KAFKA:
            return {"replication": KAFKA[self.plan.broker]}
        if self.plan.broker != EMBEDDED:
            return {}
        # The embedded broker lets a lone member wait for half of the session before it may begin.
        return {"session_timeout": 6.0, "heartbeat": 1.5}

    async def _kubernetes(self) -> Path:
        """Return the way in for workers; people may have another one."""
        if self.plan.kube not in (EMBEDDED, APISERVER):
            self._kubeconfig = _kubeconfig(self.plan.kube)
            return self._kubeconfig
        cluster = await self._cluster_in(self.plan.state_dir)
        self.kubernetes, self._kubeconfig = cluster.server, cluster.kubeconfig
        return cluster.for_workers

    async def _cluster_in(self, folder: Path, pods: str = POD_RANGE) -> LocalCluster:
        plan, graph, told = self.plan, self._graph_settings(), self._cluster_settings()
        rights = needed(load(graph=graph, cluster=told))
        cluster = LocalCluster(folder, plan.kube, packets=plan.packets, pods=pods, needed=rights)
        return await self._stack.enter_async_context(cluster)

    async def _verefoo(self) -> str:
        if self.plan.verefoo != EMBEDDED:
            return self.plan.verefoo
        server = self.verefoo = VerefooServer(VEREFOO_PORT)
        kept = self.plan.state_dir / "verefoo.json"
        await self._stack.enter_async_context(remembered(server, kept))
        return server.url

    async def _make_graph(self) -> int:
        graph = self.settings.graph
        if graph.id is not None:
            return graph.id
        async with verefoo_client(self.settings.verefoo) as http:
            verefoo = Verefoo(http)
            placement = placement_of(graph)
            found = [each.gid for each in await verefoo.graphs() if placement.is_ours(each)]
            if found:
                return min(found)
            return await verefoo.create_graph(placement.wanted({}, {}).nodes.values())

    async def start_workers(self, wanted: int) -> None:
        """Start so many workers; for a world that was planned without any."""
        self.workers = Workers([self.worker(number) for number in range(wanted)])
        self._stack.push_async_callback(self.workers.stop)
        await self.workers.start()

    def worker(self, number: int) -> WorkerProcess:
        """Return one worker of this world, not started."""
        settings = self.settings
        name = f"worker-{number}"
        environment = {
            **{
                f"VEREFLOW_KAFKA__{name.upper()}": str(value)
                for name, value in settings.kafka.model_dump(exclude_none=True).items()
            },
            "VEREFLOW_CLUSTER__KUBECONFIG": str(settings.cluster.kubeconfig),
            "VEREFLOW_CLUSTER__IDENTITY": settings.cluster.identity,
            "VEREFLOW_VEREFOO__URL": settings.verefoo.url,
            "VEREFLOW_GRAPH__ID": str(self._graph),
            "VEREFLOW_GRAPH__PLACEMENT": settings.graph.placement,
            "VEREFLOW_GRAPH__WIRING": settings.graph.wiring,
            **self.plan.environment,
            "VEREFLOW_STATE_DIR": str(self.plan.state_dir / "workers" / name),
        }
        hook = ("--prepare", BROKER_HOOK) if self.plan.broker == EMBEDDED else ()
        log = self.plan.state_dir / "logs" / f"{name}.log"
        return WorkerProcess(name, WEB_PORT + number, environment, hook, log)


def _kubeconfig(told: str) -> Path:
    kind, _, path = told.partition(":")
    if kind != "kubeconfig":
        known = f"{EMBEDDED}, {APISERVER} or kubeconfig[:PATH]"
        raise WorldError(f"a cluster is {known}, not {told[:60]!r}")
    return Path(path).expanduser() if path else Path.home() / ".kube" / "config"
