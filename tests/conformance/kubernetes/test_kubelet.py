"""The kubelet stand-in against the embedded server, which may restart and forget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address, ip_network
from typing import Any

import httpx
import pytest

from deploy.local.kubernetes import Kubelet, KubernetesServer
from tests.conformance.kubernetes.calls import Json, core, created, pod

SECONDS = 90
PODS = core("default", "pods")


@pytest.fixture
async def server() -> AsyncIterator[KubernetesServer]:
    """Return a server that only this test knows."""
    server = KubernetesServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def own(server: KubernetesServer) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of that server."""
    async with httpx.AsyncClient(base_url=server.url, timeout=90, trust_env=False) as own:
        yield own


@asynccontextmanager
async def running(own: httpx.AsyncClient, **options: Any) -> AsyncIterator[None]:
    """Keep a kubelet running."""
    kubelet = Kubelet(own, retry_seconds=0.05, **options)
    task = asyncio.create_task(kubelet.run())
    try:
        yield
    finally:
        assert not task.done(), task.exception()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(own: httpx.AsyncClient, true: Callable[[list[Json]], bool]) -> list[Json]:
    """Return all pods once something is true of them."""
    async with asyncio.timeout(SECONDS):
        while True:
            with suppress(httpx.TransportError):
                pods: list[Json] = (await own.get(PODS)).json()["items"]
                if true(pods):
                    return pods
            await asyncio.sleep(0.02)


def run(count: int) -> Callable[[list[Json]], bool]:
    return lambda pods: sum(one["status"]["phase"] == "Running" for one in pods) == count


def addresses(pods: list[Json]) -> dict[str, str]:
    return {one["metadata"]["name"]: one["status"].get("podIP", "") for one in pods}


def wishing(name: str, address: str) -> Json:
    return pod(name, annotations={"vereflow.io/pod-ip": address})


def on_a_node(name: str) -> Json:
    body = pod(name)
    return body | {"spec": body["spec"] | {"nodeName": "n1"}}


async def test_a_pod_gets_an_address_of_the_range_and_runs(own: httpx.AsyncClient) -> None:
    async with running(own, pod_range="10.7.0.0/24"):
        await created(own, PODS, pod())
        (one,) = await until(own, run(1))

    assert ip_address(one["status"]["podIP"]) in ip_network("10.7.0.0/24")
    assert one["status"]["podIPs"] == [{"ip": one["status"]["podIP"]}]
    assert one["status"]["hostIP"] == "127.0.0.1"
    assert {"type": "Ready", "status": "True"} in one["status"]["conditions"]


async def test_pods_from_before_are_served_too(own: httpx.AsyncClient) -> None:
    await created(own, PODS, pod())

    async with running(own):
        await until(own, run(1))


async def test_a_pod_gets_the_address_it_asks_for(own: httpx.AsyncClient) -> None:
    async with running(own):
        await created(own, PODS, wishing("a", "10.244.120.90"))
        pods = await until(own, run(1))

    assert addresses(pods) == {"a": "10.244.120.90"}


async def test_an_address_asked_for_is_given_to_nobody_else(own: httpx.AsyncClient) -> None:
    async with running(own, pod_range="10.7.0.0/28"):
        await created(own, PODS, wishing("a", "10.7.0.11"))
        for name in "bcde":
            await created(own, PODS, pod(name))
        pods = await until(own, run(5))

    assert sorted(addresses(pods).values()) == [f"10.7.0.{last}" for last in range(10, 15)]


async def test_who_asks_for_an_address_in_use_waits_for_it(own: httpx.AsyncClient) -> None:
    async with running(own):
        await created(own, PODS, wishing("a", "10.244.1.1"))
        await until(own, run(1))
        await created(own, PODS, wishing("b", "10.244.1.1"))
        await created(own, PODS, pod("c"))
        before = addresses(await until(own, run(2)))
        await own.delete(f"{PODS}/a")
        after = addresses(await until(own, run(2)))

    assert before["b"] == ""
    assert after["b"] == "10.244.1.1"


async def test_an_address_that_is_none_leaves_the_pod_pending(own: httpx.AsyncClient) -> None:
    async with running(own):
        await created(own, PODS, wishing("a", "nowhere"))
        await created(own, PODS, pod("b"))
        pods = await until(own, run(1))

    assert addresses(pods)["a"] == ""


async def test_a_full_range_makes_pods_wait(own: httpx.AsyncClient) -> None:
    async with running(own, pod_range="10.7.0.0/28"):
        for name in "abcdef":
            await created(own, PODS, pod(name))
        full = addresses(await until(own, run(5)))
        (late,) = [name for name, address in full.items() if not address]
        await own.delete(f"{PODS}/a")
        after = addresses(await until(own, run(5)))

    assert after[late] == full["a"]


async def test_a_pod_reborn_gets_another_address(own: httpx.AsyncClient) -> None:
    seen: list[str] = []
    async with running(own):
        for _ in range(3):
            await created(own, PODS, pod())
            seen += addresses(await until(own, run(1))).values()
            await own.delete(f"{PODS}/pod-a")

    assert len(set(seen)) == 3


async def test_a_pod_that_must_go_goes(own: httpx.AsyncClient) -> None:
    async with running(own):
        await created(own, PODS, on_a_node("a"))
        await until(own, run(1))

        await own.delete(f"{PODS}/a")

        await until(own, lambda pods: pods == [])


async def test_what_had_to_go_while_no_kubelet_ran_goes_later(own: httpx.AsyncClient) -> None:
    await created(own, PODS, on_a_node("a"))
    await own.delete(f"{PODS}/a")

    async with running(own):
        await until(own, lambda pods: pods == [])


async def test_a_finished_pod_is_left_alone(own: httpx.AsyncClient) -> None:
    await created(own, PODS, pod("a"))
    status = {"status": {"phase": "Succeeded"}}
    headers = {"Content-Type": "application/merge-patch+json"}
    await own.patch(f"{PODS}/a/status", json=status, headers=headers)

    async with running(own):
        await created(own, PODS, pod("b"))
        pods = await until(own, run(1))

    assert addresses(pods)["a"] == ""


async def test_another_kubelet_keeps_the_addresses(own: httpx.AsyncClient) -> None:
    async with running(own):
        await created(own, PODS, pod("a"))
        before = addresses(await until(own, run(1)))

    async with running(own):
        await created(own, PODS, pod("b"))
        after = addresses(await until(own, run(2)))

    assert after["a"] == before["a"]
    assert after["b"] != after["a"]


async def test_the_server_may_close_watches(
    own: httpx.AsyncClient, server: KubernetesServer
) -> None:
    async with running(own):
        for number in range(5):
            await created(own, PODS, pod(f"p{number}"))
            await until(own, run(number + 1))
            server.close_watches()


async def test_the_server_may_forget_history(
    own: httpx.AsyncClient, server: KubernetesServer
) -> None:
    async with running(own):
        for number in range(5):
            await created(own, PODS, pod(f"p{number}"))
            server.compact()
            server.close_watches()
            await until(own, run(number + 1))


async def test_a_kubelet_outlives_the_server(
    own: httpx.AsyncClient, server: KubernetesServer
) -> None:
    async with running(own):
        await created(own, PODS, pod("a"))
        before = addresses(await until(own, run(1)))
        await server.stop()
        await asyncio.sleep(0.2)
        await server.start()

        await created(own, PODS, pod("b"))
        after = addresses(await until(own, run(2)))

    assert after["a"] == before["a"]
    assert len(set(after.values())) == 2


async def test_two_hundred_pods_at_once_all_run_apart(own: httpx.AsyncClient) -> None:
    async with running(own):
        await asyncio.gather(*(created(own, PODS, pod(f"p{number}")) for number in range(200)))
        pods = await until(own, run(200))

    assert len(set(addresses(pods).values())) == 200
