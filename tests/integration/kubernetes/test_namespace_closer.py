"""One standing policy closes each managed namespace, whoever edits or removes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from agents.clients.kubernetes import Cluster
from agents.managed_namespaces import ManagedNamespaces
from agents.namespace_closer import NamespaceCloser
from tests.integration.kubernetes.servers import Server
from tests.integration.kubernetes.world import Proxy, World, running, until

NAME = "vereflow-isolation"
CLOSED = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
OPENING = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": NAME, "namespace": "default"},
    "spec": {**CLOSED, "ingress": [{}], "egress": [{}]},
}


@asynccontextmanager
async def closing(
    cluster: Cluster, *namespaces: str, closers: int = 1
) -> AsyncIterator[NamespaceCloser]:
    named = namespaces or ("default",)
    managed = ManagedNamespaces(named)
    made = [NamespaceCloser(cluster, instance="main", managed=managed) for _ in range(closers)]
    async with running(*(each.run() for each in made)):
        yield made[0]


async def closed_again(world: World) -> dict[str, Any]:
    """Return the standing policy once it closes everything again."""
    for _ in range(3000):
        found = (await world.policies()).get(NAME)
        if found is not None and found["spec"] == CLOSED:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(found)


async def test_a_namespace_is_closed_by_one_policy_that_selects_every_pod(
    cluster: Cluster, world: World
) -> None:
    async with closing(cluster) as closer:
        assert "not closed yet" in closer.last_error
        await until(lambda: not closer.last_error)

    stored = (await world.policies())[NAME]
    assert stored["spec"] == CLOSED
    assert stored["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "vereflow",
        "vereflow.io/standing": "main",
    }


async def test_it_stays_when_its_closer_ends(cluster: Cluster, world: World) -> None:
    async with closing(cluster) as closer:
        await until(lambda: not closer.last_error)
    async with closing(cluster) as closer:
        before = await world.policy(NAME)
        await until(lambda: not closer.last_error)

    assert await world.policy(NAME) == before


@pytest.mark.parametrize(
    "edit",
    [
        {"spec": {"ingress": [{}]}},
        {"spec": {"policyTypes": ["Ingress"]}},
        {"spec": {"podSelector": {"matchLabels": {"app": "nobody"}}}},
    ],
    ids=["a rule", "a direction less", "another selector"],
)
async def test_what_somebody_edits_is_put_back(
    cluster: Cluster, world: World, edit: dict[str, Any]
) -> None:
    async with closing(cluster, closers=3) as closer:
        await until(lambda: not closer.last_error)
        first = await world.policy(NAME)
        edited = await world.edit_policy(NAME, edit)
        assert edited["spec"] != CLOSED

        found = await closed_again(world)

    assert found["metadata"]["uid"] == first["metadata"]["uid"]


async def test_what_others_applied_beside_is_removed(cluster: Cluster, world: World) -> None:
    async with closing(cluster) as closer:
        await until(lambda: not closer.last_error)
        await world.apply_policy(OPENING, "somebody")

        await closed_again(world)


async def test_one_that_was_removed_is_made_again(cluster: Cluster, world: World) -> None:
    async with closing(cluster, closers=3) as closer:
        await until(lambda: not closer.last_error)
        first = await world.policy(NAME)
        await world.delete_policy(NAME)

        found = await closed_again(world)

    assert found["metadata"]["uid"] != first["metadata"]["uid"]


async def test_somebody_elses_of_that_name_is_left_alone_and_said(
    cluster: Cluster, world: World
) -> None:
    await world.add_policy(OPENING)
    async with closing(cluster) as closer:
        await until(lambda: "does not bear our label" in closer.last_error)
        assert (await world.policy(NAME))["spec"] == OPENING["spec"]

        await world.delete_policy(NAME)
        await until(lambda: not closer.last_error)

    assert (await world.policy(NAME))["spec"] == CLOSED


async def test_one_namespace_that_lacks_does_not_keep_another_open(
    cluster: Cluster, world: World
) -> None:
    async with closing(cluster, "default", "to-come") as closer:
        await closed_again(world)
        await until(lambda: closer.last_error.startswith("to-come"))


async def test_a_broken_line_is_said_and_mended(
    proxied: Cluster, proxy: Proxy, world: World
) -> None:
    async def cut(_: web.Request, __: Any) -> web.Response:
        return web.Response(status=503)

    async with closing(proxied) as closer:
        await until(lambda: not closer.last_error)
        proxy.fault = cut
        await world.delete_policy(NAME)
        await until(lambda: "503" in closer.last_error)
        proxy.fault = None

        await closed_again(world)
        await until(lambda: not closer.last_error)


async def test_pods_policies_of_ours_are_no_standing_policies(
    server: Server, cluster: Cluster, world: World
) -> None:
    labels = {"app.kubernetes.io/managed-by": "vereflow", "vereflow.io/instance": "main"}
    meta = {"name": "a", "namespace": "default", "labels": labels}
    await world.add_policy({**OPENING, "metadata": meta})
    async with closing(cluster) as closer:
        await until(lambda: not closer.last_error)

    assert (await world.policy("a"))["spec"] == OPENING["spec"]
