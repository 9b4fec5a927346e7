"""The worker, started as the chart says, plays the story: its command, files, user and rights."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from agents.clients.verefoo import Verefoo
from deploy.demo.show import Narrator
from deploy.demo.stage import Stage
from deploy.demo.star import StarStory
from deploy.kafka_rights import grant, rights
from deploy.local.broker.apache import ApacheBroker
from deploy.local.broker.secured import ADMIN, MECHANISM, WORKER, Secured
from deploy.local.kubernetes.apiserver.server import ApiServer
from deploy.local.kubernetes.kubelet import Kubelet
from deploy.local.ports import free_port
from deploy.local.verefoo.server import VerefooServer
from deploy.waiting import wait_for_effects
from streams.settings import Settings, load
from tests.e2e.acting import until_true
from tests.integration.chart.applying import APPLY, Kubectl, as_text
from tests.integration.chart.cases import over
from tests.integration.chart.pod_process import Get, PodProcess
from tests.integration.chart.rendering import needs_helm, rendered
from tests.integration.chart.test_validity import pod_of
from tests.real import needs_go, needs_java, needs_packets

Json = dict[str, Any]
Pod = tuple[Json, Path, Get, dict[str, str]]
Start = Callable[[Json, Path, Get, dict[str, str]], PodProcess]

# Of what packets need: root, and namespaces of the kernel.
pytestmark = [needs_helm, needs_go, needs_java, needs_packets]

NAMESPACE = "story"
WITHIN = 120.0


def test_the_worker_does_as_the_chart_says_and_plays_the_story(
    apiserver: ApiServer, kubectl: Kubectl, tmp_path: Path
) -> None:
    asyncio.run(play(apiserver, kubectl, tmp_path, PodProcess))


async def play(apiserver: ApiServer, kubectl: Kubectl, folder: Path, start: Start) -> None:
    """Have the workers started so, and the story told."""
    async with (
        ApacheBroker(folder / "kafka", 1, True) as broker,
        verefoo_server() as verefoo,
        apiserver.client() as admin,
        background(Kubelet(admin).run()),
    ):
        assert broker.secured is not None
        for name, files in secrets(broker.secured).items():
            given = [f"--from-file={key}={path}" for key, path in files.items()]
            kubectl("create", "secret", "generic", name, "-n", NAMESPACE, *given)
        told = values(broker, verefoo)
        found = rendered(told, namespace=NAMESPACE)
        kubectl(*APPLY, stdin=as_text(found.objects))

        job = start(*pod(found.one("Job"), "init", folder, kubectl, apiserver))
        with job.started(**where(apiserver)) as init:
            assert await asyncio.to_thread(init.wait, WITHIN) == 0, job.said("init")
        settings = from_outside(told, broker.secured)
        client = broker.secured.client(ADMIN)
        # As whoever keeps the Kafka does.
        await grant(rights(settings), WORKER, bootstrap_servers=broker.bootstrap, **client)
        told_of = pod(found.one("StatefulSet"), "vereflow-0", folder, kubectl, apiserver)
        worker = start(*told_of)
        with worker.started(**where(apiserver)) as process:
            await ready(worker, process)
            assert {"Uid:\t65532", "NoNewPrivs:\t1"} <= status_of(worker.pid(process))
            await tell(settings, admin)
            for command in ("status", "doctor"):
                assert await asked(worker, apiserver, command) == 0, worker.said(command)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, worker.grace) == 0


async def tell(settings: Settings, admin: httpx.AsyncClient) -> None:
    """Have the story told."""
    json, url = {"Accept": "application/json"}, settings.verefoo.url
    async with httpx.AsyncClient(base_url=url, headers=json, trust_env=False) as http:
        narrator = Narrator(Console())

        async def made() -> bool:
            return len(await Verefoo(http).graphs()) == 1

        async def settled() -> bool:
            return await wait_for_effects(settings, WITHIN) == []

        await until_true(made)
        (graph,) = await Verefoo(http).graphs()
        await StarStory(Stage(admin, http, graph.gid), narrator, settled).play()

    assert narrator.broken == []
    assert narrator.kept > 10


async def ready(worker: PodProcess, process: subprocess.Popen[bytes]) -> None:
    """Return when its probes say that it is ready; no other page is where they ask."""
    url = f"http://127.0.0.1:{worker.port('probes')}"
    deadline = time.monotonic() + WITHIN
    async with httpx.AsyncClient(base_url=url, trust_env=False) as kubelet:
        while not await probed(kubelet, worker.probe("readinessProbe")):
            assert process.poll() is None, worker.said("worker")
            assert time.monotonic() < deadline, worker.said("worker")
            await asyncio.sleep(0.1)
        assert await probed(kubelet, worker.probe("livenessProbe"))
        assert (await kubelet.get("/metrics")).status_code == 200
        assert (await kubelet.get("/tables")).status_code == 404


def status_of(pid: int) -> set[str]:
    """Return what the kernel says of a process: each line's name and first word."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {"\t".join(line.split()[:2]) for line in lines}


async def probed(kubelet: httpx.AsyncClient, path: str) -> bool:
    try:
        return (await kubelet.get(path)).status_code == 200
    except httpx.TransportError:
        return False


async def asked(worker: PodProcess, apiserver: ApiServer, *command: str) -> int:
    """Run a command as `kubectl exec` would; return its exit code."""
    with worker.started(*command, **where(apiserver)) as process:
        return await asyncio.to_thread(process.wait, WITHIN)


def values(broker: ApacheBroker, verefoo: VerefooServer) -> Json:
    """Return what somebody would say who has this Kafka, this Verefoo, and one machine."""
    return {
        "replicas": 1,
        "probePort": free_port(),
        "settings": {
            "kafka": {
                "broker": broker.bootstrap,
                "replication": 1,
                "prefix": "vereflow-",
                "tls": True,
                "user": WORKER,
                "mechanism": MECHANISM,
            },
            "verefoo": {"url": verefoo.url},
            "web": {"port": free_port()},
        },
        "kafka": {"caSecret": {"name": "brokers"}, "passwordSecret": {"name": "login"}},
        "init": {"user": ADMIN, "passwordSecret": {"name": "admin"}},
    }


def secrets(secured: Secured) -> dict[str, dict[str, Path]]:
    """Return the secrets that are there already: name → key → file."""
    return {
        "brokers": {"ca.crt": secured.ca},
        "login": {"password": secured.password_file(WORKER)},
        "admin": {"password": secured.password_file(ADMIN)},
    }


def from_outside(told: Json, secured: Secured) -> Settings:
    """Return the settings of somebody beside the workers, with their login."""
    files = {"ca": secured.ca, "password_file": secured.password_file(WORKER)}
    return load(**over(told["settings"], {"kafka": files}))


def pod(owner: Json, name: str, folder: Path, kubectl: Kubectl, apiserver: ApiServer) -> Pod:
    """Return what a kubelet has of a pod of an owner, with the token of its account."""
    made = pod_of(owner)
    made["metadata"]["name"] = name
    for each in made["spec"]["volumes"]:
        each.setdefault("emptyDir", {})
    account = made["spec"]["serviceAccountName"]
    token = kubectl("create", "token", account, "-n", NAMESPACE, "--duration=1h").strip()
    files = {"token": token, "ca.crt": apiserver.authority.read_text(), "namespace": NAMESPACE}
    get = lambda kind, name: kubectl.get(kind, name, "-n", NAMESPACE)  # noqa: E731
    return made, folder / name, get, files


def where(apiserver: ApiServer) -> dict[str, str]:
    """Return what tells every pod where the API server is."""
    url = httpx.URL(apiserver.url)
    return {"KUBERNETES_SERVICE_HOST": url.host, "KUBERNETES_SERVICE_PORT": str(url.port)}


@asynccontextmanager
async def verefoo_server() -> AsyncIterator[VerefooServer]:
    server = VerefooServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
