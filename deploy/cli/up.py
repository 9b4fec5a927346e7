"""vereflow up: the whole local world in one command, in the foreground."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from deploy.cli.answers import console, plain_errors
from deploy.cli.parts import Broker, starting
from deploy.errors import Unusable
from deploy.joint_world import NAMES, JointWorld
from deploy.local_cluster import EMBEDDED
from deploy.world import Plan, World
from streams.settings import load
from streams.settings_web import WebSettings

Json = dict[str, Any]
MOST_WORKERS = 16


def up(
    broker: Broker = EMBEDDED,
    kube: Annotated[
        str, typer.Option(help="embedded; apiserver, our own; or kubeconfig[:PATH].")
    ] = EMBEDDED,
    verefoo: Annotated[str, typer.Option(help="embedded, or the URL of a Verefoo.")] = EMBEDDED,
    placement: Annotated[
        str, typer.Option(help="Where firewalls stand: star, distributed or distributed:hub.")
    ] = "star",
    identity: Annotated[
        str | None, typer.Option(help="What nodes stand for: pod, workload or service-account.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=MOST_WORKERS, help="How many replicas to run.")
    ] = 1,
    clusters: Annotated[
        int, typer.Option(min=1, max=len(NAMES), help="How many clusters share the graph.")
    ] = 1,
    packets: Annotated[
        bool, typer.Option("--packets", help="Make pods network namespaces and drop real packets.")
    ] = False,
    state_dir: Annotated[
        Path | None, typer.Option(help="Where to keep state and logs; a temporary one if absent.")
    ] = None,
    endpoints: Annotated[
        Path | None, typer.Option(help="Write where everything listens, as JSON, when ready.")
    ] = None,
) -> None:
    """Run the whole local world until Ctrl-C: broker, cluster, Verefoo and workers.

    Example: vereflow up --workers 2 --endpoints here.json
    """
    with ExitStack() as stack:
        stack.enter_context(plain_errors())
        _check_pages(load().web)
        folder = state_dir or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="vereflow-"))
        )
        plan = Plan(
            folder.resolve(),
            workers=workers,
            clusters=clusters,
            broker=broker,
            kube=kube,
            verefoo=verefoo,
            placement=placement,
            identity=identity,
            packets=packets,
        )
        try:
            asyncio.run(_up(plan, endpoints))
        finally:
            if endpoints is not None:
                # What it says is no longer true.
                endpoints.unlink(missing_ok=True)


def _check_pages(web: WebSettings) -> None:
    if web.certificate is not None:
        raise Unusable("the workers of `vereflow up` are on loopback alone; unset web.certificate")


async def _up(plan: Plan, endpoints: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    world = JointWorld(plan) if plan.clusters > 1 else World(plan)
    try:
        await _until_stopped(world, endpoints, stop)
    finally:
        await world.stop()


async def _until_stopped(world: World, endpoints: Path | None, stop: asyncio.Event) -> None:
    stopped = asyncio.create_task(stop.wait())
    with console.status(starting(world.plan)):
        started = asyncio.create_task(world.start())
        await asyncio.wait({started, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            started.cancel()
            await asyncio.wait({started})
            return
        await started
    if endpoints is not None:
        world.write_endpoints(endpoints)
    _show(world, endpoints)
    running = asyncio.create_task(world.run(endpoints))
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        await running
    running.cancel()
    await asyncio.wait({running})


def _show(world: World, endpoints: Path | None) -> None:
    told = world.endpoints()
    # Nobody can use half a path.
    where = Column("where", overflow="fold")
    table = Table("part", where, title="vereflow is up", title_justify="left")
    for of, cluster in _clusters(told):
        table.add_row(f"Kubernetes API{of}", cluster["server"] or "see the kubeconfig")
        table.add_row(f"kubeconfig{of}", cluster["kubeconfig"])
        if "packets" in cluster:
            table.add_row(f"network namespaces{of}", f"{cluster['packets']}/pods/NAMESPACE/POD")
    table.add_row("Kafka", told["broker"])
    table.add_row("Verefoo", f"{told['verefoo']['url']}/adp/graphs/{told['verefoo']['graph']}")
    for name, url in zip(told["pids"], told["web"], strict=True):
        table.add_row(name, f"{url}  (pid {told['pids'][name]})")
    table.add_row("state and logs", told["stateDir"])
    if endpoints is not None:
        table.add_row("endpoints", str(endpoints))
    console.print(table)
    console.print("Ctrl-C stops it.")


def _clusters(told: Json) -> Iterator[tuple[str, Json]]:
    """Yield what each cluster is told apart by, if there are several, and where it is."""
    if "clusters" in told:
        yield from ((f" of {name}", each) for name, each in told["clusters"].items())
    else:
        yield "", told["kube"] | {key: told[key] for key in ("packets",) if key in told}
