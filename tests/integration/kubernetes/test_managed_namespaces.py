"""Namespaces come under management by a label and leave with it, while everything runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from agents import managed_namespaces
from agents.clients.kubernetes import Cluster
from agents.managed_namespaces import ManagedNamespaces, NoneManaged
from agents.namespace_closer import NamespaceCloser
from streams.records.policies import Outcome
from tests.integration.kubernetes.policies import patch
from tests.integration.kubernetes.test_apply_queue import working
from tests.integration.kubernetes.watching import events, watching
from tests.integration.kubernetes.world import Proxy, Records, World, running, until

SELECTOR = "team=shop"
CLOSING = "vereflow-isolation"


@pytest.fixture
async def world(world: World) -> AsyncIterator[World]:
    """A world with two namespaces that nobody manages yet."""
    for name in ("shop-a", "shop-b"):
        await world.add_namespace(name)
        await world.label_namespace(name, team=None)
        await world.empty_namespace(name)
    yield world
    for name in ("shop-a", "shop-b"):
        await world.label_namespace(name, team=None)


@asynccontextmanager
async def managing(
    cluster: Cluster, *names: str, selector: str = SELECTOR
) -> AsyncIterator[ManagedNamespaces]:
    managed = ManagedNamespaces(names, cluster=cluster, selector=selector, never=["kube-system"])
    async with running(managed.run()):
        yield managed


async def test_labels_are_followed_beside_the_names(cluster: Cluster, world: World) -> None:
    await world.label_namespace("shop-a", team="shop")
    async with managing(cluster, "default") as managed:
        assert await managed.known() == {"default", "shop-a"}

        await world.label_namespace("shop-b", team="shop")
        await until(lambda: managed.now == {"default", "shop-a", "shop-b"})
        await world.label_namespace("shop-a", team="other")
        await until(lambda: managed.now == {"default", "shop-b"})
        assert managed.last_error == ""


@pytest.mark.row("E32", "X27")
async def test_some_are_never_managed_whatever_they_bear(cluster: Cluster, world: World) -> None:
    name = {"kubernetes.io/metadata.name": "kube-system"}
    selector = ",".join(f"{key}={value}" for key, value in name.items())
    async with managing(cluster, selector=selector) as managed:
        with pytest.raises(NoneManaged, match="no namespace is"):
            await managed.known()


async def test_names_do_not_make_up_for_a_label_that_nobody_bears(
    cluster: Cluster, world: World
) -> None:
    async with managing(cluster, "default") as managed:
        # A mistake in the selector would let go of all that was managed by label.
        with pytest.raises(NoneManaged, match="label one"):
            await managed.known()


async def test_while_nobody_answers_nobody_is_let_go_of(
    proxied: Cluster, proxy: Proxy, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managed_namespaces, "RELIST_SECONDS", 0.1)
    await world.label_namespace("shop-a", team="shop")
    async with managing(proxied) as managed:
        await managed.known()

        async def refuse(request: web.Request, go_on: Any) -> web.StreamResponse:
            return web.json_response({"kind": "Status", "code": 403}, status=403)

        proxy.fault = refuse
        await world.label_namespace("shop-b", team="shop")
        await until(lambda: "403" in managed.last_error, 120.0)
        assert "shop-a" in managed.now


async def test_pods_are_told_of_as_long_as_their_namespace_bears_the_label(
    cluster: Cluster, world: World
) -> None:
    records = Records()
    for name in ("shop-a", "shop-b"):
        await world.add_pod("web", namespace=name)
    await world.label_namespace("shop-a", team="shop")
    async with managing(cluster) as managed, watching(cluster, records, managed=managed):
        await until(lambda: {each.namespace for each in events(records)} == {"shop-a"})
        await world.label_namespace("shop-b", team="shop")
        await until(lambda: events(records)[-1].namespace == "shop-b")

        await world.label_namespace("shop-a", team=None)
        await until(lambda: managed.now == {"shop-b"})
        # Listed without its pods: from this it follows that they are gone.
        told = len(events(records))
        await until(lambda: len(events(records)) > told)
        await asyncio.sleep(0.3)
        assert {each.namespace for each in events(records)[told:]} == {"shop-b"}


@pytest.mark.parametrize("keep", [False, True])
async def test_policies_go_with_the_label_or_are_kept(
    cluster: Cluster, world: World, keep: bool
) -> None:
    for name in ("shop-a", "shop-b"):
        await world.add_pod("web", namespace=name)
        await world.label_namespace(name, team="shop")
    async with (
        managing(cluster) as managed,
        working(cluster, managed=managed, keep_left=keep) as bench,
    ):
        bench.want(patch("web", namespace="shop-a"), patch("web", namespace="shop-b"))
        await bench.settled()
        assert (await world.policies("shop-a")).keys() == {"web"}

        await world.label_namespace("shop-a", team=None)
        await until(lambda: managed.now == {"shop-b"})
        await gone(world, "shop-a", not keep)
        assert (await world.policies("shop-b")).keys() == {"web"}

        # It comes back, and what is wanted with it.
        await world.label_namespace("shop-a", team="shop")
        await until(lambda: "shop-a" in managed.now)
        await gone(world, "shop-a", False)


async def test_what_left_while_nobody_ran_goes_at_the_start(cluster: Cluster, world: World) -> None:
    await world.add_pod("web", namespace="shop-a")
    for name in ("shop-a", "shop-b"):
        await world.label_namespace(name, team="shop")
    async with managing(cluster) as managed, working(cluster, managed=managed) as bench:
        bench.want(patch("web", namespace="shop-a"))
        await bench.settled()
    await world.label_namespace("shop-a", team=None)

    async with managing(cluster) as managed, working(cluster, managed=managed) as bench:
        bench.everybody_spoke()
        await gone(world, "shop-a")


async def test_nothing_is_written_where_nothing_is_managed(cluster: Cluster, world: World) -> None:
    await world.add_pod("web", namespace="shop-a")
    await world.label_namespace("shop-b", team="shop")
    async with managing(cluster) as managed, working(cluster, managed=managed) as bench:
        bench.want(patch("web", namespace="shop-a"))
        await bench.settled()
        assert [outcome.outcome for outcome in bench.outcomes] == [Outcome.REFUSED]
        assert await world.policies("shop-a") == {}

        await world.label_namespace("shop-a", team="shop")
        await gone(world, "shop-a", False)


async def test_if_no_namespace_bears_the_label_any_more_all_stays_as_it_is(
    cluster: Cluster, world: World
) -> None:
    await world.add_pod("web", namespace="shop-a")
    await world.label_namespace("shop-a", team="shop")
    async with managing(cluster) as managed:
        closer = NamespaceCloser(cluster, instance="main", managed=managed)
        async with working(cluster, managed=managed) as bench, running(closer.run()):
            bench.want(patch("web", namespace="shop-a"))
            await bench.settled()
            await until(lambda: not closer.last_error)

            await world.label_namespace("shop-a", team=None)
            await until(lambda: "no namespace is team=shop" in closer.last_error)
            await asyncio.sleep(1.0)
            assert (await world.policies("shop-a")).keys() == {"web", CLOSING}


async def test_namespaces_are_closed_when_they_come_and_opened_when_they_leave(
    cluster: Cluster, world: World
) -> None:
    await world.label_namespace("shop-a", team="shop")
    async with managing(cluster) as managed:
        closer = NamespaceCloser(cluster, instance="main", managed=managed)
        async with running(closer.run()):
            await gone(world, "shop-a", False)
            await world.label_namespace("shop-b", team="shop")
            began = time.monotonic()
            while CLOSING not in await world.policies("shop-b"):
                assert time.monotonic() < began + 60
                await asyncio.sleep(0.002)
            print(f"closed {1000 * (time.monotonic() - began):.0f} ms after its label came")
            await gone(world, "shop-b", False)
            await world.label_namespace("shop-a", team=None)
            await gone(world, "shop-a")
            assert (await world.policies("shop-b")).keys() == {CLOSING}
            await until(lambda: closer.status["closed"] == 1 and not closer.last_error)


async def gone(world: World, namespace: str, wanted: bool = True) -> None:
    """Return once a namespace has no policies, or has some, and still has after a moment."""
    for _ in range(3000):
        if (not await world.policies(namespace)) is wanted:
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    assert (not await world.policies(namespace)) is wanted
