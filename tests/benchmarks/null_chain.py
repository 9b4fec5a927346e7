"""The floor under us: agents that do nothing but what every agent must, on the same topics' shape.

``python -m tests.benchmarks.null_chain FOLDER BROKER KUBECONFIG`` runs the worker.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import faust
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.clients.api_server import APPLY, ApiServer, credentials
from deploy.demo.stage import POLICIES
from deploy.local.ports import free_port
from streams.app import KafkaOptions, create_app
from tests.benchmarks.ground import cpu_spent
from tests.e2e.acting import Actor

PARTITIONS = 8
# The stages of a rule change: into how many records each turns one, and how many rows it writes.
STAGES = (("null-1", 1, 0), ("null-2", 2, 3), ("null-3", 1, 1), ("null-4", 1, 1), ("null-5", 0, 1))
PATCHING = "null-4"
ID = "null"


async def null_chain(actor: Actor, rate: float, seconds: float) -> float:
    """Return the CPU seconds of one change through the chain."""
    broker = actor.world.settings.kafka.broker
    await _make_topics(broker)
    for number in range(2):
        await actor.change("POST", POLICIES, _manifest(number))
    folder = actor.world.plan.state_dir / "null"
    folder.mkdir()
    arguments = (str(folder), broker, str(actor.world.settings.cluster.kubeconfig))
    with (folder / "log").open("wb") as log:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.benchmarks.null_chain", *arguments),
            stdout=log,
            stderr=log,
        )
    try:
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            # Long enough for the worker to begin, and to have met each partition.
            await _feed(producer, rate, 20)
            assert worker.returncode is None, (folder / "log").read_text()[-2000:]
            before = cpu_spent(worker.pid)
            sent = await _feed(producer, rate, seconds)
            await asyncio.sleep(1)
            return (cpu_spent(worker.pid) - before) / sent
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()
        for number in range(2):
            await actor.change("DELETE", f"{POLICIES}/null-{number}")


async def _feed(producer: AIOKafkaProducer, rate: float, seconds: float) -> int:
    began, sent = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        await producer.send(STAGES[0][0], json.dumps({"n": sent}).encode(), key=b"main")
        sent += 1
        await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
    return sent


async def _make_topics(broker: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    changelogs = [f"{ID}-{name}-rows-changelog" for name, _, _ in STAGES]
    try:
        wanted = (*(each for each, *_ in STAGES), *changelogs)
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in wanted])
    finally:
        await admin.close()


def _manifest(number: int, turn: int = 0) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"null-{number}",
            "namespace": "default",
            "annotations": {"turn": str(turn)},
        },
        "spec": {"podSelector": {"matchLabels": {"app": f"null-{number}"}}},
    }


def _app(folder: Path, broker: str, kubeconfig: Path) -> faust.App:
    options = KafkaOptions(broker, ID, folder / "tables", PARTITIONS, web_port=free_port())
    app = create_app(options)
    server = ApiServer(credentials(kubeconfig, None))
    topics = [app.topic(name, value_type=dict, value_serializer="json") for name, *_ in STAGES]
    for stage, topic, following in zip(STAGES, topics, [*topics[1:], None], strict=True):
        _stage(app, server, stage, topic, following)
    return app


def _stage(
    app: faust.App, server: ApiServer, stage: tuple[str, int, int], topic: Any, following: Any
) -> None:
    name, records, rows = stage
    table = app.Table(f"{name}-rows", partitions=PARTITIONS)
    beside: set[asyncio.Task[None]] = set()

    async def patch(number: int, turn: int) -> None:
        body = _manifest(number, turn)
        await server.ask(
            "PATCH", f"{POLICIES}/null-{number}", {"fieldManager": "null"}, body, APPLY
        )

    @app.agent(topic, name=name)
    async def work(records_in: Any) -> None:
        async for event in records_in.events():
            body = event.value
            for row in range(rows):
                table[f"{body['n'] % 200}-{row}"] = body
            for number in range(records):
                key = f"{number if records > 1 else event.key}"
                await following.send(key=key, value={**body, "pad": "x" * 400})
            if name == PATCHING:
                task = asyncio.create_task(patch(int(event.key), body["n"]))
                beside.add(task)
                task.add_done_callback(beside.discard)


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    app = _app(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    faust.Worker(app, loglevel="warning").execute_from_commandline()
