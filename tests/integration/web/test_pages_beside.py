"""Pages are made by a process that begins when somebody looks, and never outlives its worker."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.web.workers import Worker, running, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAKER = "tests.integration.web.pages"
QUICK_TO_LEAVE = """
import asyncio, sys
from aiohttp import web
from deploy import pages

pages.IDLE = 0.5
asyncio.run(pages.serve(web.Application(), int(sys.argv[1])))
"""


@pytest_asyncio.fixture(loop_scope="module")
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    async with running(tmp_path, 1) as (_, [worker]):
        await until(worker.is_ready, "ready")
        yield worker


def makers(worker: Worker) -> list[int]:
    """Return the processes of a worker that make pages."""
    children = Path(f"/proc/{worker.process.pid}/task").glob("*/children")
    found = [int(pid) for each in children for pid in each.read_text().split()]
    return [pid for pid in found if MAKER in Path(f"/proc/{pid}/cmdline").read_text()]


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_pages_are_made_while_somebody_looks_and_made_again_after_a_kill(
    worker: Worker,
) -> None:
    before = makers(worker)
    first = await worker.status_of("/pods")
    (maker,) = makers(worker)
    os.kill(maker, signal.SIGKILL)

    async def again() -> bool:
        return await worker.status_of("/pods") == 200

    await until(again, "pages again")

    assert (before, first) == ([], 200)
    assert makers(worker) != [maker]
    assert await worker.is_ready()


async def test_what_makes_the_pages_gives_way_to_the_agents(worker: Worker) -> None:
    await worker.status_of("/pods")
    (maker,) = makers(worker)

    async def stands_back() -> bool:
        return os.getpriority(os.PRIO_PROCESS, maker) > os.getpriority(
            os.PRIO_PROCESS, worker.process.pid
        )

    await until(stands_back, "a process that stands back")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_no_process_is_left_however_its_worker_ends(
    worker: Worker, how: signal.Signals
) -> None:
    await worker.status_of("/pods")
    (maker,) = makers(worker)
    worker.process.send_signal(how)

    async def gone() -> bool:
        return is_gone(maker)

    await until(gone, "nobody who makes pages")


async def test_a_process_that_nobody_asks_for_long_ends_by_itself(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", QUICK_TO_LEAVE, str(listener.fileno())),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
    async with asyncio.timeout(60):
        assert await process.wait() == 0
