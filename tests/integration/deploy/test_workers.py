"""Worker processes are started, watched, started again and ended."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from deploy import workers as processes
from deploy.local.ports import listen
from deploy.workers import MOST_DEATHS, WorkerFailed, WorkerProcess, Workers
from tests.processes import runs

# Like a worker, it serves on the socket it was handed.
READY = """
import http.server, socket, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
server = http.server.HTTPServer(("", 0), Answer, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=int(sys.argv[sys.argv.index("--web-socket") + 1]))
server.serve_forever()
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + (
    "print('here', flush=True); time.sleep(60)"
)
Make = Callable[..., Workers]


@pytest.fixture
async def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    """Return workers that run a script instead of a worker; they end with the test."""
    made: list[Workers] = []

    def workers(script: str, count: int = 1) -> Workers:
        monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-c", script))
        made.append(
            Workers(
                [WorkerProcess(f"w-{n}", 0, {}, (), tmp_path / f"{n}.log") for n in range(count)]
            )
        )
        return made[-1]

    yield workers
    for each in made:
        await each.stop()


async def supervised(workers: Workers, restarts: int) -> list[int]:
    """Supervise until so many restarts were told of; return the first worker's processes."""
    pids: list[int] = []
    enough = asyncio.Event()

    def on_restart() -> None:
        pids.append(workers.workers[0].pid)
        if len(pids) == restarts:
            enough.set()

    watching = asyncio.create_task(workers.supervise(on_restart))
    done = asyncio.create_task(enough.wait())
    await asyncio.wait({watching, done}, return_when=asyncio.FIRST_COMPLETED, timeout=90)
    watching.cancel()
    await asyncio.wait({watching})
    return pids


async def test_started_workers_are_ready_and_stopped_ones_are_gone(make: Make) -> None:
    workers = make(READY, 2)

    await workers.start()
    pids = [worker.pid for worker in workers.workers]
    assert all(runs(pid) for pid in pids)
    await workers.stop()

    assert not any(runs(pid) for pid in pids)


async def test_a_worker_that_dies_is_started_again_and_becomes_ready(make: Make) -> None:
    workers = make(READY)
    await workers.start()
    first = workers.workers[0].pid

    os.kill(first, signal.SIGKILL)
    (second,) = await supervised(workers, 1)
    await workers.until_ready()

    assert second != first
    assert runs(second)


async def test_a_worker_whose_port_somebody_has_gets_another(make: Make) -> None:
    workers = make(READY)
    with listen() as somebody:
        wanted = workers.workers[0].port = somebody.getsockname()[1]

        await workers.start()

        assert workers.workers[0].port != wanted


async def test_nobody_can_take_the_port_before_the_worker_is_there(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = make(READY)
    refused: list[int | None] = []
    spawn = processes.subprocess.Popen

    def after_somebody_tried(*arguments: Any, **options: Any) -> Any:
        try:
            socket.create_server(("127.0.0.1", workers.workers[0].port)).close()
        except OSError as error:
            refused.append(error.errno)
        return spawn(*arguments, **options)

    monkeypatch.setattr(processes.subprocess, "Popen", after_somebody_tried)
    await workers.start()

    assert refused == [errno.EADDRINUSE]


async def test_a_worker_whose_port_was_taken_when_it_died_comes_back_at_another(
    make: Make,
) -> None:
    workers = make(READY)
    await workers.start()
    worker = workers.workers[0]
    before = worker.port

    os.kill(worker.pid, signal.SIGKILL)
    assert worker.process is not None
    await asyncio.to_thread(worker.process.wait, 60)
    with listen(before) as somebody:
        await supervised(workers, 1)
        await workers.until_ready()

        assert somebody.getsockname()[1] == before
        assert worker.port != before


async def test_the_others_go_on_when_one_dies(make: Make) -> None:
    workers = make(READY, 2)
    await workers.start()
    victim, other = workers.workers
    before = other.pid

    os.kill(victim.pid, signal.SIGKILL)
    await supervised(workers, 1)

    assert other.pid == before


async def test_a_worker_that_keeps_dying_is_given_up_with_the_end_of_its_log(make: Make) -> None:
    workers = make("print('x' * 100_000); print('the reason'); raise SystemExit(3)")
    workers.workers[0].start()
    restarts: list[int] = []

    with pytest.raises(WorkerFailed, match=r"keeps dying(?s:.*)the reason$") as failure:
        await asyncio.wait_for(workers.supervise(lambda: restarts.append(1)), 90)

    assert len(restarts) == MOST_DEATHS
    assert len(str(failure.value)) < 40_000


async def test_a_worker_that_ends_before_it_is_ready_is_an_error(make: Make) -> None:
    with pytest.raises(WorkerFailed, match=r"w-0 ended(?s:.*)no settings"):
        await make("raise SystemExit('no settings')").start()


async def test_a_worker_that_never_becomes_ready_is_an_error(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = make("import time; time.sleep(60)")
    workers.workers[0].start()

    with pytest.raises(WorkerFailed, match="not ready"):
        await workers.until_ready(0.3)


async def test_one_that_does_not_listen_is_ended_all_the_same(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_WITHIN", 0.2)
    workers = make(STUBBORN)
    workers.workers[0].start()
    while "here" not in workers.workers[0].tail():
        assert not workers.workers[0].has_died()
        await asyncio.sleep(0.02)

    await workers.stop()

    assert not runs(workers.workers[0].pid)


async def test_a_stopped_worker_is_not_started_again_until_all_are(make: Make) -> None:
    workers = make(READY)
    await workers.start()
    watching = asyncio.create_task(workers.supervise(lambda: None))

    await workers.stop()
    await asyncio.sleep(3 * processes.LOOK_EVERY)
    assert workers.workers[0].has_died()

    await workers.start()
    os.kill(workers.workers[0].pid, signal.SIGKILL)
    for _ in range(1200):
        await asyncio.sleep(0.05)
        if not workers.workers[0].has_died():
            break
    watching.cancel()
    await asyncio.wait({watching})
    assert not workers.workers[0].has_died()
