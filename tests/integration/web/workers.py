"""Real workers over the embedded broker, and what their web pages say."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from aiokafka import AIOKafkaProducer

from deploy.local.broker.embedded import EmbeddedBroker
from deploy.local.ports import listen
from deploy.provision import provision
from streams.records.policies import PatchOutcome
from tests.integration.web.recorder import TOPICS

ROOT = Path(__file__).parents[3]
WITHIN = 60.0
SILENCE = 5.0


class Worker:
    """One worker process, and a client of its views."""

    def __init__(
        self, process: subprocess.Popen[bytes], port: int, log: Path, scheme: str = "http"
    ) -> None:
        self.process = process
        self.port = port
        self.log = log
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.client = httpx.AsyncClient(base_url=self.url, timeout=60.0)

    async def json(self, path: str) -> Any:
        return (await self.client.get(path, headers={"Accept": "application/json"})).json()

    async def status_of(self, path: str) -> int | None:
        """Return the status, or None while nobody listens."""
        try:
            return (await self.client.get(path)).status_code
        except httpx.TransportError:
            return None

    async def is_ready(self) -> bool:
        return await self.status_of("/readyz") == 200

    async def partitions(self, table: str = "policies") -> list[int]:
        tables = (await self.json("/held"))["tables"]
        held = next(each for each in tables if each["table"] == table)
        return [part["partition"] for part in held["partitions"]]

    async def keys(self, limit: int = 7) -> list[str]:
        """Return every key held here, page by page."""
        keys: list[str] = []
        after = ""
        for _ in range(100):
            query = f"limit={limit}&after={quote(after, safe='')}"
            page = await self.json(f"/held/policies?{query}")
            keys += [row["key"] for row in page["rows"]]
            if page["next"] is None:
                return keys
            after = page["next"]
        raise AssertionError("the pages do not end")

    async def raw(self, request: bytes) -> bytes:
        """Return what the worker answers to these very bytes, until it closes or falls silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answered = b""
        try:
            writer.write(request)
            while chunk := await asyncio.wait_for(
                reader.read(65_536), SILENCE if answered else WITHIN
            ):
                answered += chunk
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
        return answered


@asynccontextmanager
async def running(
    folder: Path, count: int, **web: str
) -> AsyncIterator[tuple[EmbeddedBroker, list[Worker]]]:
    """Run a broker with its topics, and workers with these settings, that are not ready yet."""
    async with EmbeddedBroker(folder / "broker.log") as broker, AsyncExitStack() as stack:
        await provision(TOPICS, bootstrap_servers=broker.bootstrap)
        yield (
            broker,
            [
                await stack.enter_async_context(_worker(broker, folder, f"worker-{number}", web))
                for number in range(count)
            ],
        )


@asynccontextmanager
async def _worker(
    broker: EmbeddedBroker, folder: Path, name: str, web: Mapping[str, str]
) -> AsyncIterator[Worker]:
    log = folder / f"{name}.log"
    with listen() as listener:
        port, inherited = listener.getsockname()[1], listener.fileno()
        arguments = [broker.bootstrap, str(folder / name), str(inherited), name]
        environment = {"port": str(port), **web}
        process = _start(arguments, log, inherited, environment)
    worker = Worker(process, port, log, "https" if "certificate" in web else "http")
    try:
        yield worker
    finally:
        await worker.client.aclose()
        process.kill()
        process.wait()


def _start(
    arguments: list[str], log: Path, inherited: int, web: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.integration.web.recorder", *arguments]
    told = {f"VEREFLOW_WEB__{name.upper()}": value for name, value in web.items()}
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **told},
            stdout=out,
            stderr=out,
            pass_fds=[inherited],
        )


async def until(claim: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not await claim():
        assert time.monotonic() < deadline, f"not within {WITHIN:.0f} s: {what}"
        await asyncio.sleep(0.1)


async def send(broker: EmbeddedBroker, keys: Iterable[str]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        for key in keys:
            value = PatchOutcome(key=key).to_bytes()
            await producer.send("patch-outcomes", value, key=key.encode())


async def stop(worker: Worker, asked: signal.Signals = signal.SIGTERM) -> int:
    """Ask a worker to stop, and return its exit status."""
    worker.process.send_signal(asked)
    return await asyncio.to_thread(worker.process.wait, WITHIN)
