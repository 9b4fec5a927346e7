"""Of a namespace in shadow it is said what would be written, and nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from agents.clients.kubernetes import Cluster
from streams.records.policies import Outcome
from tests.integration.kubernetes.policies import manifest, patch
from tests.integration.kubernetes.servers import Server
from tests.integration.kubernetes.test_apply_queue import working, writes
from tests.integration.kubernetes.world import World

SHADOW: dict[str, Any] = {"shadow": ("default",)}


@pytest.fixture
async def pods(world: World) -> None:
    for number, name in enumerate("abc", 1):
        await world.add_pod(name, f"10.1.0.{number}")


@pytest.mark.usefixtures("pods")
@pytest.mark.row("G23")
async def test_what_would_be_created_changed_and_removed_is_said(
    cluster: Cluster, server: Server, world: World
) -> None:
    await world.add_policy(manifest("a", port=80))
    await world.add_policy(manifest("gone"))
    await world.add_policy(manifest("orphan"))
    before = await world.policies()
    asked = writes(server)
    gone = patch("gone", offset=5).model_copy(update={"manifest": None})

    async with working(cluster, patch("a", offset=5), patch("b"), gone, **SHADOW) as bench:
        bench.everybody_spoke()
        await bench.settled()

        reasons = {each.key.split("/")[-1]: each.reason for each in bench.outcomes}
        assert set(bench.last.values()) == {Outcome.SHADOWED}

    assert reasons == {
        "a": "it would be updated",
        "b": "it would be created",
        "gone": "it would be deleted",
        "orphan": "it would be deleted",
    }
    assert await world.policies() == before
    assert writes(server) == asked


@pytest.mark.usefixtures("pods")
async def test_what_is_there_as_wanted_is_not_in_shadow(cluster: Cluster, world: World) -> None:
    await world.add_policy(manifest("a"))

    async with working(cluster, patch("a"), **SHADOW) as bench:
        assert bench.last == {"local/default/a": Outcome.UNCHANGED}


@pytest.mark.usefixtures("pods")
async def test_other_namespaces_are_written_to_as_ever(cluster: Cluster, world: World) -> None:
    await world.add_namespace("shop")
    told = {"namespaces": ("default", "shop"), "shadow": ("shop",)}

    async with working(cluster, patch("a"), **told) as bench:
        assert bench.last == {"local/default/a": Outcome.APPLIED}


@pytest.mark.usefixtures("pods")
async def test_what_was_only_said_is_written_when_it_goes_live(
    cluster: Cluster, world: World
) -> None:
    async with working(cluster, patch("a"), **SHADOW):
        assert await world.policies() == {}

    async with working(cluster, patch("a")) as bench:
        assert bench.last == {"local/default/a": Outcome.APPLIED}

    assert (await world.policies()).keys() == {"a"}
