"""Run Apache Kafka (KRaft) as child processes on free loopback ports: one broker, or three.

Each is broker and controller at once. What they hold stays in their folder, and is found again.
"""

from __future__ import annotations

import asyncio
import base64
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

from deploy.local.broker.apache_jars import jars, java
from deploy.local.broker.errors import BrokerNotReady
from deploy.local.broker.reaching import brokers, listens
from deploy.local.broker.secured import ADMIN, WORKER, Secured
from deploy.local.child import Child
from deploy.local.ports import free_port

READY_WITHIN = 120.0
FORMAT_WITHIN = 60.0
# The ports are free when we look; somebody else may take one before the broker does.
ATTEMPTS = 3
HEAP = "256m"
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOGGING = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


class Node:
    """One process, broker and controller."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number = number
        self.port = self.controller_port = 0
        self._folder = folder
        self.process = Child()

    def take_ports(self) -> None:
        """Choose ports that are free now."""
        self.port, self.controller_port = free_port(), free_port()

    def start(
        self, cluster: str, properties: dict[str, object], logins: tuple[str, ...] = ()
    ) -> None:
        """Start the process; it formats its folder the first time, with these logins."""
        self._folder.mkdir(parents=True, exist_ok=True)
        written = self._folder / "server.properties"
        scheme = "SASL_SSL" if logins else "PLAINTEXT"
        own = {
            "node.id": self.number,
            "log.dirs": self._folder / "data",
            "listeners": f"{scheme}://127.0.0.1:{self.port},"
            f"CONTROLLER://127.0.0.1:{self.controller_port}",
        }
        # There may be passwords in it.
        written.touch(0o600)
        written.write_text("".join(f"{key}={value}\n" for key, value in (own | properties).items()))
        log = self._folder / "broker.log"
        if not (self._folder / "data" / "meta.properties").exists():
            self._format(cluster, written, logins, log)
        self.process.start(_java("kafka.Kafka", str(written)), log)

    def _format(self, cluster: str, written: Path, logins: tuple[str, ...], log: Path) -> None:
        # Everybody on this machine can read a command line, and with it what proves a password.
        told = self._folder / "format.arguments"
        told.touch(0o600)
        lines = ["format", "-t", cluster, "-c", str(written)]
        for login in logins:
            lines += ["--add-scram", login]
        told.write_text("\n".join(lines))
        command = _java("kafka.tools.StorageTool", f"@{told}")
        try:
            with log.open("ab") as said:
                done = subprocess.run(
                    command, stdout=said, stderr=said, timeout=FORMAT_WITHIN, check=False
                )
        finally:
            told.unlink()
        if done.returncode:
            raise BrokerNotReady(f"Apache Kafka could not format its folder: see {log}")


class ApacheBroker:
    """A cluster of one node or three."""

    def __init__(self, folder: Path, nodes: int = 1, secured: bool = False) -> None:
        """Take a folder of its own, and whether clients need TLS, a login and rights."""
        self.nodes = [Node(number, folder / f"node-{number}") for number in range(1, nodes + 1)]
        self.secured = Secured(folder / "secured") if secured else None
        self._folder = folder

    @property
    def bootstrap(self) -> str:
        """The brokers' addresses as clients want them."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    async def start(self) -> None:
        """Return when a client sees every broker and a controller; keep the ports of before."""
        # Said before anything is started, and off the loop: the first time jars are fetched.
        await asyncio.to_thread(self._prepare)
        for _ in range(ATTEMPTS):
            if not any(node.process.runs for node in self.nodes) and not self._ports_are_free():
                for node in self.nodes:
                    node.take_ports()
            for node in self.nodes:
                if not node.process.runs:
                    await asyncio.to_thread(self.start_node, node)
            if await self._answers():
                return
            self.stop()
            for node in self.nodes:
                node.port = node.controller_port = 0
        raise BrokerNotReady(f"no answer from Apache Kafka, {ATTEMPTS} times: see {self._log}")

    def _prepare(self) -> None:
        jars()
        if self.secured is not None:
            self.secured.make()

    def start_node(self, node: Node) -> None:
        """Start one node that is not there; it is not waited for."""
        logins: tuple[str, ...] = ()
        if self.secured is not None:
            logins = tuple(map(self.secured.scram, (ADMIN, WORKER)))
        node.start(self._cluster(), self._properties(), logins)

    def stop(self) -> None:
        """End all nodes at once: one after the other, the last would wait for a quorum."""
        for node in self.nodes:
            node.process.terminate()
        for node in self.nodes:
            node.process.stop()

    async def ready(self) -> bool:
        """Tell whether a client sees every broker and a controller."""
        return await brokers(self._cluster(), **self.client()) == len(self.nodes)

    def client(self) -> dict[str, Any]:
        """Return what a client of aiokafka needs to come in, with all rights."""
        if self.secured is None:
            return {"bootstrap_servers": self.bootstrap}
        return {"bootstrap_servers": self.bootstrap, **self.secured.client(ADMIN)}

    async def __aenter__(self) -> ApacheBroker:
        await self.start()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def _log(self) -> Path:
        return self._folder / "node-1" / "broker.log"

    def _ports_are_free(self) -> bool:
        ports = [port for node in self.nodes for port in (node.port, node.controller_port)]
        return all(ports) and not any(listens(port) for port in ports)

    async def _answers(self) -> bool:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and all(node.process.runs for node in self.nodes):
            if all(listens(node.port) for node in self.nodes) and await self.ready():
                return True
            await asyncio.sleep(0.1)
        return False

    def _cluster(self) -> str:
        kept = self._folder / "cluster.id"
        if not kept.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            kept.write_text(_new_id())
        return kept.read_text()

    def _properties(self) -> dict[str, object]:
        voters = (f"{node.number}@127.0.0.1:{node.controller_port}" for node in self.nodes)
        replicas = len(self.nodes)
        scheme = "SASL_SSL" if self.secured else "PLAINTEXT"
        return {
            **(self.secured.properties() if self.secured else {}),
            "process.roles": "broker,controller",
            "controller.quorum.voters": ",".join(voters),
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": f"{scheme}:{scheme},CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": scheme,
            # Three replicas is what these want otherwise, also of a lone broker.
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": max(1, replicas - 1),
            "default.replication.factor": replicas,
            "min.insync.replicas": max(1, replicas - 1),
            "offsets.topic.num.partitions": 8,
            "transaction.state.log.num.partitions": 8,
            # A topic made in passing has no leader yet, and nobody chose its partitions.
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            # A node that was killed is let in again only when its old session is over.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            # The default alone is half of the heap.
            "log.cleaner.dedupe.buffer.size": 16 << 20,
            "num.network.threads": 2,
            "num.io.threads": 2,
        }


def _new_id() -> str:
    # The first bit is 0: an id that began with a dash would be taken for an option.
    first, *rest = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([first & 0x7F, *rest])).decode().rstrip("=")


def _java(main: str, *arguments: str) -> list[str]:
    return [java(), f"-Xmx{HEAP}", *_JVM, _LOGGING, "-cp", f"{jars()}/*", main, *arguments]
