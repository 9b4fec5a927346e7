"""Run worker processes on this machine: start, wait until ready, start again, stop."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import structlog

from deploy.errors import Unready
from deploy.local.leash import hold
from deploy.local.ports import listen

COMMAND = (sys.executable, "-m", "deploy.cli", "worker")
READY_WITHIN = 90.0
STOP_WITHIN = 20.0
LOOK_EVERY = 0.1
# A worker that dies this often in a row has a fault that another start does not cure.
MOST_DEATHS = 5
DEATHS_WITHIN = 60.0
MAX_TAIL = 32 << 10

log = structlog.get_logger()


class WorkerFailed(Unready):
    """A worker that does not become ready, or dies again and again."""


@dataclass
class WorkerProcess:
    """One worker: how it is started, where it answers, how it fares."""

    name: str
    port: int
    """The one it would like; after a start, the one it has."""
    environment: Mapping[str, str]
    options: tuple[str, ...]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where its web pages are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process, 0 before the first start."""
        return self.process.pid if self.process else 0

    def start(self) -> None:
        """Start the process, in a session of its own: Ctrl-C is for whoever supervises it."""
        # It inherits the socket: until it serves there, nobody else can take the port.
        with listen(self.port) as listener, self.log.open("ab") as out:
            self.port = listener.getsockname()[1]
            inherited = listener.fileno()
            self.process = subprocess.Popen(
                [*COMMAND, *self.options, "--web-socket", str(inherited)],
                env={**os.environ, **self.environment, "VEREFLOW_WEB__PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                pass_fds=[inherited],
            )
        hold(self.process.pid)

    def has_died(self) -> bool:
        """Tell whether the process ended by itself, or by somebody's hand."""
        return self.process is not None and self.process.poll() is not None

    def tail(self, lines: int = 15) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - MAX_TAIL))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])


class Workers:
    """All worker processes of one local world."""

    def __init__(self, workers: list[WorkerProcess]) -> None:
        self.workers = workers
        self._stopping = False

    async def start(self) -> None:
        """Return when every worker says it is ready; raise WorkerFailed otherwise."""
        self._stopping = False
        for worker in self.workers:
            worker.start()
        await self.until_ready()

    async def until_ready(self, within: float = READY_WITHIN) -> None:
        """Return when every worker says it is ready; raise WorkerFailed otherwise."""
        deadline = time.monotonic() + within
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as http:
            for worker in self.workers:
                while not await _is_ready(http, worker):
                    if worker.has_died():
                        raise WorkerFailed(f"{worker.name} ended; its log says\n{worker.tail()}")
                    if time.monotonic() > deadline:
                        raise WorkerFailed(
                            f"{worker.name} is not ready after {within:.0f} s; its log says\n"
                            f"{worker.tail()}"
                        )
                    await asyncio.sleep(LOOK_EVERY)

    async def supervise(self, on_restart: Callable[[], None]) -> None:
        """Start again what dies, as a Deployment would; raise WorkerFailed if it keeps dying."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            for worker in self.workers:
                if self._stopping or not worker.has_died():
                    continue
                if self._gives_up(worker):
                    raise WorkerFailed(f"{worker.name} keeps dying; its log says\n{worker.tail()}")
                assert worker.process is not None
                log.warning("worker died", worker=worker.name, status=worker.process.returncode)
                worker.deaths.append(time.monotonic())
                worker.start()
                on_restart()

    async def stop(self) -> None:
        """Ask every worker to stop, wait, and end those that do not."""
        self._stopping = True
        running = [worker for worker in self.workers if worker.process and not worker.has_died()]
        for worker in running:
            assert worker.process is not None
            worker.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*(asyncio.to_thread(_end, worker) for worker in running))

    @staticmethod
    def _gives_up(worker: WorkerProcess) -> bool:
        since = time.monotonic() - DEATHS_WITHIN
        worker.deaths = [at for at in worker.deaths if at > since]
        return len(worker.deaths) >= MOST_DEATHS


async def _is_ready(http: httpx.AsyncClient, worker: WorkerProcess) -> bool:
    try:
        return (await http.get(f"{worker.url}/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


def _end(worker: WorkerProcess) -> None:
    assert worker.process is not None
    try:
        worker.process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        worker.process.kill()
        worker.process.wait()
