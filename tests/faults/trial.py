"""A world under load to which a fault happens, and the judgement over all that it did."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from deploy.demo.stage import FIREWALL, POLICIES
from deploy.local.broker.apache import ApacheBroker
from deploy.local.kubernetes.apiserver.server import ApiServer
from deploy.workers import WorkerProcess
from tests.e2e.acting import Actor, acting, until_true
from tests.e2e.storm import PODS, Rules, guests
from tests.faults.witness import Witness

Json = dict[str, Any]
RATE = 20
# As long as a kubelet waits at first before it starts again what ended.
BACKOFF = 10.0
FOREIGN = "somebody-elses"
Record = Callable[[str, object], None]


class Trial:
    """What a test does to a world, and what came of it."""

    def __init__(self, actor: Actor, rate: int) -> None:
        self.actor = actor
        self.witness = Witness(actor._kube)
        self.rules = Rules(actor, rate)
        self._doing: list[asyncio.Task[None]] = []
        self.kills = 0
        self._over: float | None = None

    @property
    def workers(self) -> list[WorkerProcess]:
        """The workers of the world; who dies is started again."""
        return self.actor.world.workers.workers

    @property
    def broker(self) -> ApacheBroker:
        """The broker of a world with Apache Kafka."""
        broker = self.actor.world.broker
        assert isinstance(broker, ApacheBroker)
        return broker

    @property
    def api_server(self) -> ApiServer:
        """The server of a world with kube-apiserver."""
        server = self.actor.world.kubernetes
        assert isinstance(server, ApiServer)
        return server

    def folder(self, worker: WorkerProcess) -> Path:
        """Return where a worker keeps its rows."""
        return self.actor.world.plan.state_dir / "workers" / worker.name

    def over(self) -> None:
        """Say that the fault is over: from now on the system has so many seconds to recover."""
        self._over = time.monotonic()

    async def kill(self, worker: WorkerProcess) -> None:
        """Kill a worker, and return when another process runs in its place."""
        pid = worker.pid
        os.kill(pid, signal.SIGKILL)
        self.kills += 1
        await self.reborn(worker, pid)

    async def ask_to_stop(self, worker: WorkerProcess) -> None:
        """Ask a worker to stop, and return when another process runs in its place."""
        pid = worker.pid
        os.kill(pid, signal.SIGTERM)
        await self.reborn(worker, pid)

    async def pause(self, pid: int, seconds: float) -> None:
        """Have a process stand still for a while."""
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    async def kill_broker(self, seconds: float) -> None:
        """Kill the broker, and start it again after a while."""
        self.broker.nodes[0].process.kill()
        await asyncio.sleep(seconds)
        await self.broker.start()

    async def write_nonsense(self, times: int) -> None:
        """Write records that nobody can read among the others, as fast as the broker takes them."""
        kafka = self.actor.world.settings.kafka
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            waiting = [
                await producer.send("pod-events", b"{", b"k%d" % number) for number in range(times)
            ]
            for sent in await asyncio.gather(*waiting):
                self.rules.bad.add(f"{sent.topic}/{sent.partition}/{sent.offset}")

    async def reborn(self, worker: WorkerProcess, pid: int) -> None:
        """Return when another process runs in a worker's place."""

        async def another() -> bool:
            return worker.pid != pid

        await until_true(another)
        self.forgive()

    def forgive(self) -> None:
        """Forget who died how often: whoever supervises would give up such a worker."""
        for worker in self.workers:
            worker.deaths.clear()

    async def is_ready(self, worker: WorkerProcess) -> bool:
        """Tell whether a worker says that it is ready."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            with suppress(httpx.HTTPError):
                return (await http.get(f"{worker.url}/readyz")).is_success
        return False

    async def tend(self, seconds: float) -> int:
        """Start again who ended, now and then as a kubelet would; return how often."""
        until, starts = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            await asyncio.sleep(min(BACKOFF, seconds))
            for worker in self.workers:
                if worker.has_died():
                    worker.start()
                    starts += 1
        return starts

    async def tended(self, within: float = 120.0) -> None:
        """Start again who ends until all are ready."""
        async with asyncio.timeout(within):
            while not all([await self.is_ready(worker) for worker in self.workers]):
                await self.tend(1.0)

    async def dismiss(self, worker: WorkerProcess) -> float:
        """Ask a worker to stop, and do without it; return the seconds it took."""
        self.workers.remove(worker)
        began = time.monotonic()
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.process is not None
        await asyncio.to_thread(worker.process.wait, 60)
        return time.monotonic() - began

    async def fed(self, records: int) -> None:
        """Return when so many rules more were sent."""
        wanted = self.rules.sent + records

        def are_sent() -> bool:
            self._check()
            return self.rules.sent >= wanted

        await self.actor.until(are_sent)

    async def begin(self) -> None:
        """Look on, send rules, have pods come and go, and start again whoever dies."""
        await self.witness.begin()
        doing = self.rules.feed(), self._guests(), self.actor.world.run()
        self._doing = [asyncio.create_task(each) for each in doing]

    async def calm_down(self) -> None:
        """Return when the last rule was sent."""
        self.rules.end()
        feeding, coming, _ = self._doing
        await feeding
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)

    async def end(self) -> None:
        """Do nothing any more."""
        await self.witness.end()
        for task in self._doing:
            task.cancel()
        await asyncio.gather(*self._doing, return_exceptions=True)

    async def _guests(self) -> None:
        """Have pods come and go, whenever the API server is there."""
        while True:
            with suppress(httpx.HTTPError):
                await self._leave()
                await guests(self.actor)
            await asyncio.sleep(0.5)

    async def _leave(self) -> None:
        names = [pod["metadata"]["name"] for pod in await self.actor.pods()]
        await self.actor.delete_pods(name for name in names if name not in PODS)

    def _check(self) -> None:
        for task in self._doing:
            if task.done() and not task.cancelled():
                task.result()

    async def recovered(self, within: float) -> float:
        """Return the seconds from the end of the fault until all that was said has its effect."""
        began = self._over if self._over is not None else time.monotonic()
        await self.actor.settled(str(within + 60))
        return time.monotonic() - began

    async def judged(self) -> list[str]:
        """Return everything that is not as it must be, now and at every moment since."""
        await self.witness.end()
        found = self.witness.violations()
        reach = await self.actor.stored_reach()
        opened = {pair: each.tcp for pair, each in reach.items() if each.tcp}
        wanted = self.rules.wanted()
        found += [f"{pair} is not as the rules say" for pair in opened.keys() ^ wanted.keys()]
        found += [f"{pair} differs" for pair in opened.keys() & wanted.keys()
                  if opened[pair] != wanted[pair]]  # fmt: skip
        pods = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in await self.actor.pods()}
        policies = await self.actor.policies()
        foreign = policies.pop(FOREIGN, None)
        found += [f"{name} has a policy and no pod, or none" for name in policies.keys() ^ pods]
        if foreign is None or foreign["spec"] != _foreign()["spec"]:
            found.append("somebody else's policy was touched")
        nodes = set(await self.actor.neighbours())
        found += [
            f"node {name} is too much, or lacks" for name in nodes ^ {FIREWALL, *pods.values()}
        ]
        letters = set(await self.actor.dead_letters())
        found += [f"dead letter {each}, or none" for each in letters ^ self.rules.bad]
        return found


@asynccontextmanager
async def trial(
    folder: Path,
    record: Record,
    *,
    bound: float,
    workers: int = 2,
    rate: int = RATE,
    parts: dict[str, Any] | None = None,
) -> AsyncIterator[Trial]:
    """Let a fault happen while rules come and go; at the end everything must be as it should.

    ``bound`` is how many seconds recovery may take once the fault is over.
    """
    async with acting(folder, workers, **(parts or {})) as actor:
        await actor.create_pods(PODS)
        await actor.change("POST", POLICIES, _foreign())
        await actor.settled()
        one = Trial(actor, rate)
        try:
            await one.begin()
            await one.fed(2 * rate)
            yield one
            await one.calm_down()
            seconds = await one.recovered(bound)
            violations = await one.judged()
        finally:
            await one.end()
    record("recovery", round(seconds, 1))
    record("bound", bound)
    record("kills", one.kills)
    record("records", one.rules.sent)
    record("versions", len(one.witness.versions))
    record("violations", len(violations))
    assert not violations, f"{len(violations)} violations: {'; '.join(violations[:20])}"
    assert seconds <= bound, f"recovered after {seconds:.1f} s, not within {bound:g}"


def _foreign() -> Json:
    return {
        "metadata": {"name": FOREIGN, "namespace": "default"},
        "spec": {"podSelector": {"matchLabels": {"app": "nobody"}}, "policyTypes": ["Ingress"]},
    }
