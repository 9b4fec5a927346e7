"""What only the embedded server is asked: to close, to forget, to crash, to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
from kubernetes.aio import client, watch

from deploy.local.kubernetes import KubernetesServer
from tests.conformance.kubernetes.calls import (
    core,
    created,
    events,
    pod,
    policies,
    policy,
    told,
    version,
)

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


async def watches(server: KubernetesServer, count: int) -> None:
    """Return when so many watches are open."""
    for _ in range(SECONDS * 100):
        if server.watching == count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{server.watching} watches are open, not {count}")


def test_it_listens_on_loopback_only() -> None:
    assert KubernetesServer().url.startswith("http://127.0.0.1:")


async def test_it_comes_back_at_the_same_port_with_the_same_objects(
    server: KubernetesServer, own: httpx.AsyncClient
) -> None:
    made = await created(own, PODS, pod())
    before = server.url

    await server.stop()
    await server.start()

    assert server.url == before
    assert (await own.get(f"{PODS}/pod-a")).json() == made


async def test_a_watcher_that_went_away_is_forgotten_at_once(
    server: KubernetesServer, own: httpx.AsyncClient
) -> None:
    since = await version(own, PODS)
    for _ in range(3):
        async with aclosing(events(own, PODS, resourceVersion=since)) as stream:
            waiting = asyncio.ensure_future(anext(stream))
            await watches(server, 1)
            waiting.cancel()
            await asyncio.wait([waiting])

    await watches(server, 0)


async def test_a_closed_watch_ends_after_what_it_has(
    server: KubernetesServer, own: httpx.AsyncClient
) -> None:
    since = await version(own, PODS)

    async def all_events() -> list[tuple[str, str]]:
        return told([event async for event in events(own, PODS, resourceVersion=since)])

    watching = asyncio.create_task(all_events())
    await watches(server, 1)
    await created(own, PODS, pod("a"))
    server.close_watches()

    assert await watching == [("ADDED", "a")]


async def test_what_is_forgotten_is_410(server: KubernetesServer, own: httpx.AsyncClient) -> None:
    since = await version(own, PODS)
    await created(own, PODS, pod())
    server.compact()

    (event,) = [event async for event in events(own, PODS, resourceVersion=since)]

    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


async def test_the_official_client_is_told_of_410(
    server: KubernetesServer, own: httpx.AsyncClient
) -> None:
    since = await version(own, PODS)
    await created(own, PODS, pod())
    server.compact()
    configuration = client.Configuration(host=server.url)

    async with (
        asyncio.timeout(SECONDS),
        client.ApiClient(configuration) as api,
        watch.Watch() as watcher,
    ):
        listing = client.CoreV1Api(api).list_namespaced_pod
        with pytest.raises(client.ApiException) as caught:
            await anext(watcher.stream(listing, "default", resource_version=since))

    assert caught.value.status == 410


async def test_a_page_too_old_is_410_with_a_way_on(
    server: KubernetesServer, own: httpx.AsyncClient
) -> None:
    for name in "abc":
        await created(own, PODS, pod(name))
    first = (await own.get(PODS, params={"limit": 1})).json()
    server.compact()
    query = {"limit": 5, "continue": first["metadata"]["continue"]}

    refused = await own.get(PODS, params=query)
    rest = await own.get(PODS, params=query | {"continue": refused.json()["metadata"]["continue"]})

    assert (refused.status_code, refused.json()["reason"]) == (410, "Expired")
    assert rest.status_code == 200
    assert [one["metadata"]["name"] for one in rest.json()["items"]] == ["b", "c"]


async def test_a_server_that_crashed_never_says_a_version_twice(
    own: httpx.AsyncClient, server: KubernetesServer, tmp_path: Path
) -> None:
    saved = tmp_path / "state.json"
    kept = await created(own, PODS, pod("a"))
    server.save(saved)
    lost = await created(own, PODS, pod("b"))
    again = KubernetesServer()
    again.load(saved)
    await again.start()

    async with httpx.AsyncClient(base_url=again.url, timeout=60, trust_env=False) as http:
        survivor = (await http.get(f"{PODS}/a")).json()
        made = await created(http, PODS, pod("c"))
        since = lost["metadata"]["resourceVersion"]
        query = {"watch": "1", "resourceVersion": since, "timeoutSeconds": "1"}
        told = (await http.get(PODS, params=query)).json()
    await again.stop()

    assert survivor == kept
    assert int(made["metadata"]["resourceVersion"]) > int(since)
    assert (told["type"], told["object"]["code"]) == ("ERROR", 410)


async def test_writes_are_counted(server: KubernetesServer, own: httpx.AsyncClient) -> None:
    await created(own, policies("default"), policy())
    await own.post(policies("default"), json=policy())
    await own.delete(policies("default", "web"))
    await own.get(policies("default"))

    writes = server.writes("networkpolicies", "default")

    assert [(one.method, one.name, one.status) for one in writes] == [
        ("POST", "", 201),
        ("POST", "", 409),
        ("DELETE", "web", 200),
    ]
