"""A world in which each worker has lines of its own to the broker, the API server and Verefoo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.local.broker.apache import ApacheBroker, Node
from deploy.local.ports import HOST, free_port
from deploy.local_cluster import APISERVER
from deploy.workers import WorkerProcess
from deploy.world import Plan, World
from tests.faults.line import Line, Trouble
from tests.faults.trial import Trial


@dataclass(frozen=True)
class Lines:
    """The lines of one worker."""

    broker: Line
    kube: Line
    verefoo: Line

    @property
    def all(self) -> tuple[Line, ...]:
        """Every line of it."""
        return self.broker, self.kube, self.verefoo

    def suffer(self, trouble: Trouble) -> None:
        """Have the same trouble on every line."""
        for line in self.all:
            line.trouble = trouble


class LinedBroker(ApacheBroker):
    """Apache Kafka that tells whoever comes by a line to come by that line again."""

    def __init__(self, folder: Path, lines: list[Line]) -> None:
        super().__init__(folder)
        self._lines = lines
        self.ports: list[int] = [0 for _ in lines]

    def start_node(self, node: Node) -> None:
        """Start the node, with a listener for each line."""
        self.ports = [port or free_port() for port in self.ports]
        super().start_node(node)

    def _properties(self) -> dict[str, object]:
        known = super()._properties()
        (node,) = self.nodes
        own = f"PLAINTEXT://{HOST}:{node.port}"
        behind = [f"LINE{n}://{HOST}:{port}" for n, port in enumerate(self.ports)]
        told = [f"LINE{n}://{HOST}:{line.port}" for n, line in enumerate(self._lines)]
        speak = [f"LINE{n}:PLAINTEXT" for n in range(len(self._lines))]
        protocols = "listener.security.protocol.map"
        return {
            **known,
            "listeners": ",".join([own, f"CONTROLLER://{HOST}:{node.controller_port}", *behind]),
            "advertised.listeners": ",".join([own, *told]),
            protocols: ",".join([str(known[protocols]), *speak]),
        }


class LinedWorld(World):
    """A world with Apache Kafka and lines for as many workers as are planned."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.lines = [self._lines_of(number) for number in range(plan.workers)]

    async def _start(self) -> None:
        for lines in self.lines:
            for line in lines.all:
                await self._stack.enter_async_context(line)
        await super()._start()

    def _lines_of(self, number: int) -> Lines:
        def to_broker() -> int:
            assert isinstance(self.broker, LinedBroker)
            return self.broker.ports[number]

        def to_kube() -> int:
            assert self.kubernetes is not None
            return port_of(self.kubernetes.url)

        def to_verefoo() -> int:
            return port_of(self.settings.verefoo.url)

        ways = (to_broker, to_kube, to_verefoo)
        return Lines(*(Line(way, 3 * number + at) for at, way in enumerate(ways)))

    async def _broker(self) -> str:
        broker = LinedBroker(self.plan.state_dir / "kafka", [each.broker for each in self.lines])
        self.broker = broker
        await self._stack.enter_async_context(broker)
        return broker.bootstrap

    def worker(self, number: int) -> WorkerProcess:
        """Return one worker, which knows of the servers by its lines only."""
        worker, lines = super().worker(number), self.lines[number]
        assert self.kubernetes is not None
        given = Path(worker.environment["VEREFLOW_CLUSTER__KUBECONFIG"])
        kubeconfig = given.with_name(f"{given.name}-{number}")
        kubeconfig.touch(0o600)
        kubeconfig.write_text(by_line(given.read_text(), self.kubernetes.url, lines.kube))
        url = self.settings.verefoo.url
        worker.environment = {
            **worker.environment,
            "VEREFLOW_KAFKA__BROKER": f"{HOST}:{lines.broker.port}",
            "VEREFLOW_CLUSTER__KUBECONFIG": str(kubeconfig),
            "VEREFLOW_VEREFOO__URL": by_line(url, url, lines.verefoo),
        }
        return worker


def lines_of(one: Trial) -> list[Lines]:
    """Return the lines of each worker of a trial."""
    world = one.actor.world
    assert isinstance(world, LinedWorld)
    return world.lines


def port_of(url: str) -> int:
    """Return the port in an address."""
    port = urlsplit(url).port
    assert port is not None
    return port


def by_line(text: str, url: str, line: Line) -> str:
    """Return a text in which an address is that of a line to it."""
    port = port_of(url)
    return text.replace(url, url.replace(f":{port}", f":{line.port}"))


LINED: dict[str, Any] = {"kind": LinedWorld, "broker": "kafka"}
LINED_REAL = {**LINED, "kube": APISERVER}
