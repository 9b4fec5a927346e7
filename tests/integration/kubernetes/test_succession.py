"""What an earlier epoch left goes when its pods have policies of this one, and not before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents import policy_writer
from agents.clients.kubernetes import Cluster
from streams.records.policies import PolicyPatch, Revision
from tests.integration.kubernetes.policies import isolated, manifest, patch
from tests.integration.kubernetes.servers import Server
from tests.integration.kubernetes.test_apply_queue import working, writes
from tests.integration.kubernetes.world import World

LABELS = {"app": "a", "part": "front"}


def of_workload(selector: dict[str, str]) -> PolicyPatch:
    """Return a policy of the second epoch that selects pods by what their workload says."""
    wanted = patch("deployment.a")
    assert wanted.manifest is not None
    meta: dict[str, Any] = wanted.manifest["metadata"]
    meta["annotations"] |= {
        "vereflow.io/identity": "Deployment/a",
        "vereflow.io/revision": "2.0.1",
    }
    wanted.manifest["spec"]["podSelector"] = {"matchLabels": selector}
    return wanted.model_copy(update={"revision": Revision(epoch=2, offset=1)})


async def test_the_policy_of_a_pod_stands_until_one_of_its_workload_does(
    cluster: Cluster, world: World, server: Server
) -> None:
    await world.add_pod("a", "10.1.0.1", labels=LABELS)
    await world.add_policy(manifest("a", port=80))

    async with working(cluster, epoch=2) as bench:
        bench.everybody_spoke(epoch=2)
        # Of this epoch, but it selects somebody else.
        bench.want(of_workload({"app": "a", "part": "back"}))
        await asyncio.sleep(0.5)
        assert (await world.policies())["a"]["spec"] == manifest("a", port=80)["spec"]

        bench.want(of_workload({"part": "front"}))
        await bench.settled()

        assert list(await world.policies()) == ["deployment.a"]
        assert [method for method, _, _ in writes(server)][1:] == ["POST", "PATCH", "DELETE"]


async def test_the_policy_of_a_pod_that_is_gone_goes_at_once(
    cluster: Cluster, world: World
) -> None:
    await world.add_policy(manifest("a", port=80))

    async with working(cluster, epoch=2) as bench:
        bench.everybody_spoke(epoch=2)
        await bench.settled()

        assert await world.policies() == {}


async def test_nobody_waits_for_a_pod_on_its_hosts_network_for_which_no_policy_holds(
    cluster: Cluster, world: World
) -> None:
    await world.add_pod("a", "10.1.0.1", labels=LABELS, hostNetwork=True)
    await world.add_policy(manifest("a", port=80))

    async with working(cluster, epoch=2) as bench:
        bench.everybody_spoke(epoch=2)
        await bench.settled()

        assert await world.policies() == {}


async def test_a_pod_that_nobody_speaks_of_is_closed_after_a_while(
    cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_writer, "SUCCESSION_SECONDS", 0.3)
    await world.add_pod("a", "10.1.0.1", labels=LABELS)
    await world.add_policy(manifest("a", port=80))

    async with working(cluster, epoch=2) as bench:
        bench.everybody_spoke(epoch=2)
        await bench.settled()

        assert (await world.policies())["a"]["spec"] == isolated("a")
