"""Pods that their ``app`` label does not pick out alone get a label of ours, and no others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from agents import pod_stamper
from agents.clients.errors import Conflict
from agents.clients.kubernetes import Cluster
from agents.clients.pod_events import pod_event
from agents.clients.waiting import Backoff
from agents.pod_stamper import PodStamper
from streams.policy.selection import OWN_LABEL
from streams.records.marks import Stamp
from tests.integration.kubernetes.world import Proxy, World, running, until

LONG = "x" * 80


@asynccontextmanager
async def stamping(cluster: Cluster, shadow: tuple[str, ...] = ()) -> AsyncIterator[PodStamper]:
    """Stamp what a watch of the namespace tells."""
    stamper = PodStamper(cluster, shadow)

    def hear(change: str, pod: dict[str, Any]) -> None:
        stamper.hear("local", pod_event(pod, change, "local", Stamp(lease=1, n=1)))

    async def listen() -> None:
        listing = await cluster.list_pods("default")
        for pod in listing.items:
            hear("ADDED", pod)
        async for change, pod in cluster.watch_pods("default", listing.version):
            if change != "BOOKMARK":
                hear(change, pod)

    async with running(listen(), stamper.run()):
        yield stamper


async def stamps(world: World) -> dict[str, str | None]:
    """Return what our label says on every pod: ``own`` for the pod's own uid."""
    found: dict[str, str | None] = {}
    for pod in await world.pods():
        meta = pod["metadata"]
        told = (meta.get("labels") or {}).get(OWN_LABEL)
        found[meta["name"]] = "own" if told == meta["uid"] else told
    return found


async def stamped(world: World, **wanted: str | None) -> None:
    for _ in range(3000):
        if (found := await stamps(world)) == wanted:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(found)


async def test_only_who_is_not_picked_out_alone_is_stamped(cluster: Cluster, world: World) -> None:
    await world.add_pod("web")
    await world.add_pod("db", labels={"app": "database"})
    await world.add_pod("bare", labels={})
    await world.add_pod(LONG, labels={})

    async with stamping(cluster) as stamper:
        await stamped(world, web=None, db="own", bare="own", **{LONG: "own"})
        assert stamper.last_error == ""


@pytest.mark.threat("T7")
async def test_whose_label_another_wears_is_stamped_too(cluster: Cluster, world: World) -> None:
    await world.add_pod("web")

    async with stamping(cluster):
        await world.add_pod("thief", labels={"app": "web"})
        await stamped(world, web="own", thief="own")
        # What was given stays: taking it back would change every policy again.
        await world.delete_pod("thief")
        await stamped(world, web="own")


@pytest.mark.threat("T7")
async def test_a_stamp_that_somebody_else_gave_is_put_right(cluster: Cluster, world: World) -> None:
    victim = await world.add_pod("victim", labels={})
    await world.add_pod("web")

    async with stamping(cluster):
        await stamped(world, victim="own", web=None)
        await world.label_pod("web", **{OWN_LABEL: victim["metadata"]["uid"]})
        await stamped(world, victim="own", web="own")
        await world.label_pod("victim", **{OWN_LABEL: None})
        await stamped(world, victim="own", web="own")


async def test_pods_on_their_hosts_network_are_left_alone(cluster: Cluster, world: World) -> None:
    await world.add_pod("proxy", labels={}, hostNetwork=True)
    await world.add_pod("db", labels={})

    async with stamping(cluster):
        await stamped(world, proxy=None, db="own")


@pytest.mark.parametrize("shadow", ["default", "*"])
async def test_in_shadow_nothing_is_stamped(cluster: Cluster, world: World, shadow: str) -> None:
    await world.add_pod("bare", labels={})
    async with stamping(cluster, (shadow,)):
        await asyncio.sleep(0.5)
        assert await stamps(world) == {"bare": None}


async def test_the_next_pod_of_a_name_gets_no_stamp_of_the_one_before(
    cluster: Cluster, world: World
) -> None:
    uid = (await world.add_pod("web"))["metadata"]["uid"]
    await world.delete_pod("web")
    await world.add_pod("web")

    with pytest.raises(Conflict):
        await cluster.label_pod("default", "web", uid, {OWN_LABEL: uid})
    assert await stamps(world) == {"web": None}


async def test_one_that_is_refused_does_not_hold_up_the_others(
    proxied: Cluster, proxy: Proxy, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_stamper, "Backoff", lambda most: Backoff(60.0, 60.0))
    await world.add_pod("db", labels={})

    async def refuse(request: web.Request, go_on: Any) -> Any:
        if request.method != "PATCH" or not request.path.endswith("/db"):
            return await go_on()
        return web.json_response({"kind": "Status", "code": 403}, status=403)

    proxy.fault = refuse
    async with stamping(proxied) as stamper:
        await until(lambda: "403" in stamper.last_error)
        await world.add_pod("late", labels={})
        began = time.monotonic()
        await stamped(world, db=None, late="own")
        assert time.monotonic() - began < 25.0


async def test_a_refusal_is_said_and_tried_again(
    proxied: Cluster, proxy: Proxy, world: World
) -> None:
    await world.add_pod("db", labels={})

    async def refuse(request: web.Request, go_on: Any) -> Any:
        if request.method != "PATCH":
            return await go_on()
        return web.json_response({"kind": "Status", "code": 403}, status=403)

    proxy.fault = refuse
    async with stamping(proxied) as stamper:
        await until(lambda: "db" in stamper.last_error and "403" in stamper.last_error)
        proxy.fault = None
        await stamped(world, db="own")
        await until(lambda: not stamper.last_error)
