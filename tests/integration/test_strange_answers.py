"""Whatever answers in place of whom we ask has bounds, and leads nowhere."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from agents.asking import workers as asking
from agents.asking.workers import NobodyAnswers, ask_workers
from agents.clients.api_server import LARGEST_ANSWER
from agents.clients.errors import ClientError
from agents.clients.kubernetes import Cluster
from agents.clients.verefoo import Verefoo
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from deploy.verefoo_login import verefoo_client
from streams.settings import VerefooSettings

MEGABYTE = 1 << 20
PATIENCE = 1.0

Ask = Callable[[str, Path], Awaitable[object]]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def ask_verefoo(url: str, folder: Path) -> object:
    async with verefoo_client(VerefooSettings(url=f"{url}/verefoo")) as http:
        return await Verefoo(http, deadline=PATIENCE).graphs()


async def ask_api_server(url: str, folder: Path) -> object:
    cluster = Cluster.of(write_kubeconfig(folder / "kubeconfig", url), deadline=PATIENCE)
    try:
        return await cluster.list_pods("default")
    finally:
        await cluster.close()


async def ask_worker(url: str, folder: Path) -> object:
    return await ask_workers([url], {})


pytestmark = [
    pytest.mark.threat("T10"),
    pytest.mark.parametrize("ask", [ask_verefoo, ask_api_server, ask_worker]),
]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "WORKER_SECONDS", PATIENCE)


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """Answer every request in one way; give the URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def refusal(ask: Ask, url: str, folder: Path) -> str:
    """Return why an answer is not taken, which is one line and comes in time."""
    async with asyncio.timeout(PATIENCE * 20):
        with pytest.raises((ClientError, NobodyAnswers)) as refused:
            await ask(url, folder)
    said = str(refused.value)
    assert "\n" not in said
    assert len(said) < 600
    return said


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_leads_nowhere(ask: Ask, status: int, tmp_path: Path) -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.json_response({})

    async with answering(elsewhere) as other:

        async def answer(request: web.Request) -> web.StreamResponse:
            return web.json_response({}, status=status, headers={"Location": f"{other}/latest"})

        async with answering(answer) as url:
            await refusal(ask, url, tmp_path)

    assert asked == []


def sending(chunk: bytes, pause: float = 0.0, **headers: str) -> Answer:
    """Answer with a chunk for ever."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        while True:
            await response.write(chunk)
            await asyncio.sleep(pause)

    return answer


async def test_an_answer_without_end_is_not_read_to_its_end(ask: Ask, tmp_path: Path) -> None:
    async with answering(sending(b" " * MEGABYTE)) as url:
        said = await refusal(ask, url, tmp_path)

    assert "bytes of answer" in said or "no answer" in said or "not done within" in said


async def test_an_answer_that_trickles_is_late_in_the_end(ask: Ask, tmp_path: Path) -> None:
    async with answering(sending(b" ", pause=0.05)) as url:
        said = await refusal(ask, url, tmp_path)

    assert "no answer" in said or "not done within" in said


@pytest.mark.parametrize("packings", [1, 2])
async def test_what_is_packed_is_never_unpacked_whole(
    ask: Ask, packings: int, tmp_path: Path
) -> None:
    packing = ", ".join(["gzip"] * packings)
    tracemalloc.start()
    try:
        async with answering(sending(bomb(packings), **{"Content-Encoding": packing})) as url:
            await refusal(ask, url, tmp_path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 4 * LARGEST_ANSWER


def bomb(packings: int) -> bytes:
    """Return a gigabyte of nothing, packed once or twice."""
    packer = zlib.compressobj(wbits=31)
    first, again = (
        packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)
    )
    # What follows a full flush does not look back: the same bytes unpack again.
    packed = first + again * 1023
    return packed if packings == 1 else gzip.compress(packed)
