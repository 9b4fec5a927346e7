"""A watch over real sockets, and over lines that break."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agents.clients.api_server import LARGEST_LINE, ApiServer, credentials
from agents.clients.errors import (
    Gone,
    TryLater,
)
from agents.clients.kubernetes import Cluster
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from tests.integration.kubernetes.policies import manifest
from tests.integration.kubernetes.servers import ON_THE_EMBEDDED_ONE, Embedded
from tests.integration.kubernetes.world import Proxy, World


@ON_THE_EMBEDDED_ONE
@pytest.mark.fault("F05")
async def test_a_watch_that_breaks_goes_on_where_it_was(
    cluster: Cluster, server: Embedded, world: World
) -> None:
    watch = cluster.watch_pods("default", (await cluster.list_pods("default")).version)
    seen: list[str] = []

    async def follow() -> None:
        async for change, pod in watch:
            if change != "BOOKMARK":
                seen.append(pod["metadata"]["name"])
                server.close_watches()

    await world.add_pod("one")
    await world.add_pod("two")
    await asyncio.wait_for(follow(), 60)
    await world.add_pod("three")
    while len(seen) < 3:
        await asyncio.wait_for(follow(), 60)

    assert seen == ["one", "two", "three"]


@ON_THE_EMBEDDED_ONE
async def test_a_bookmark_moves_the_place_of_a_watch(
    cluster: Cluster, server: Embedded, world: World
) -> None:
    watch = cluster.watch_pods("default", (await cluster.list_pods("default")).version)
    before = watch.version
    await world.add_policy(manifest("elsewhere"))

    async for change, _ in watch:
        assert change == "BOOKMARK"
        break
    # The place moves once a change was handled to its end.
    assert watch.version == before
    async for _ in watch:
        if watch.version != before:
            break
    server.compact()

    await world.add_pod("late")
    async for change, pod in watch:
        if change != "BOOKMARK":
            assert pod["metadata"]["name"] == "late"
            break


async def test_a_change_that_was_not_handled_comes_again(cluster: Cluster, world: World) -> None:
    watch = cluster.watch_pods("default", (await cluster.list_pods("default")).version)
    await world.add_pod("one")

    async def first() -> str:
        async for change, pod in watch:
            if change != "BOOKMARK":
                return str(pod["metadata"]["name"])
        return ""

    assert [await first(), await first()] == ["one", "one"]


@ON_THE_EMBEDDED_ONE
@pytest.mark.fault("F03")
@pytest.mark.row("R14")
async def test_a_place_too_old_is_gone_although_the_answer_is_200(
    cluster: Cluster, server: Embedded, world: World
) -> None:
    version = (await cluster.list_pods("default")).version
    await world.add_pod("one")
    server.compact()

    with pytest.raises(Gone, match="410"):
        async for _ in cluster.watch_pods("default", version):
            pass


@pytest.mark.fault("F04")
async def test_a_silent_watch_is_given_up(proxy: Proxy, tmp_path: Path) -> None:
    async def hang(request: web.Request, go_on: Any) -> Any:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(30)
        return response

    proxy.fault = hang
    config = write_kubeconfig(tmp_path / "config", proxy.url)
    cluster = Cluster(ApiServer(credentials(config, None)), silence=0.1)
    try:
        with pytest.raises(TryLater, match=r"no answer in time|Timeout"):
            async for _ in cluster.watch_pods("default", "1"):
                pass
    finally:
        await cluster.close()


@pytest.mark.row("R11")
async def test_a_watch_that_trickles_is_given_up(proxy: Proxy, tmp_path: Path) -> None:
    async def trickle(request: web.Request, go_on: Any) -> Any:
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.02)
        return response

    proxy.fault = trickle
    config = write_kubeconfig(tmp_path / "config", proxy.url)
    cluster = Cluster(ApiServer(credentials(config, None)), silence=0.3)
    try:
        with pytest.raises(TryLater, match="no answer in time"):
            async for _ in cluster.watch_pods("default", "1"):
                pass
    finally:
        await cluster.close()


@pytest.mark.fault("F05")
async def test_a_line_that_is_cut_is_no_event(proxied: Cluster, proxy: Proxy) -> None:
    async def cut(request: web.Request, go_on: Any) -> Any:
        response = web.StreamResponse()
        await response.prepare(request)
        whole = b'{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"7"}}}\n'
        for place in range(len(whole)):
            await response.write(whole[place : place + 1])
        await response.write(whole[:40])
        return response

    proxy.fault = cut
    watch = proxied.watch_pods("default", "1")

    seen = [pod["metadata"]["name"] async for _, pod in watch]

    assert (seen, watch.version) == (["a"], "7")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"nonsense\n", "not an event"),
        (b"[]\n", "not an event"),
        (b'{"type":"ADDED"}\n', "not an event"),
        (b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n', "no object"),
        (b'{"type":"SHRUGGED","object":{"metadata":{"resourceVersion":"7"}}}\n', "unknown type"),
        (b'{"type":"ERROR","object":"410"}\n', "500"),
        (b'{"type":"ADDED","object":{"x":"' + b"x" * LARGEST_LINE, "a line of more than"),
    ],
    ids=["text", "list", "half", "versionless", "unknown", "no status", "endless"],
)
@pytest.mark.row("R14", "R16")
async def test_a_line_that_is_no_event_ends_the_watch_where_it_was(
    proxied: Cluster, proxy: Proxy, line: bytes, error: str
) -> None:
    async def answer(request: web.Request, go_on: Any) -> Any:
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            await response.write(line)
            await response.write(b'{"type":"ADDED"')
        return response

    proxy.fault = answer
    watch = proxied.watch_pods("default", "1")

    with pytest.raises(TryLater, match=error) as caught:
        async for _ in watch:
            pass

    assert watch.version == "1"
    assert len(str(caught.value)) < 500
