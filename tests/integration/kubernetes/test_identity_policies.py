"""The policy of an identity comes without a pod, and stays closed while anybody is selected."""

from __future__ import annotations

from typing import Any

from agents.clients.kubernetes import Cluster
from streams.records.policies import PolicyPatch
from tests.integration.kubernetes.policies import patch
from tests.integration.kubernetes.servers import Server
from tests.integration.kubernetes.test_apply_queue import working, writes
from tests.integration.kubernetes.world import World

NAME = "deployment.web"
LABELS = {"app": "web", "part": "front"}
ITSELF = {"podSelector": {"matchLabels": LABELS}}


def of_web(offset: int, gone: bool = False) -> PolicyPatch:
    """Return what an identity's policy is by then: two labels, and whoever is named b comes in."""
    wanted = patch(NAME, port=80, offset=offset, gone=gone)
    if wanted.manifest is None:
        return wanted
    meta: dict[str, Any] = wanted.manifest["metadata"]
    meta["annotations"]["vereflow.io/identity"] = "Deployment/web"
    wanted.manifest["spec"] |= {**ITSELF, "egress": [{"to": [ITSELF]}]}
    wanted.manifest["spec"]["ingress"].append({"from": [ITSELF]})
    return wanted


async def test_it_is_there_before_its_first_pod_and_goes_after_its_last(
    cluster: Cluster, world: World, server: Server
) -> None:
    async with working(cluster, of_web(1)) as bench:
        assert (await world.policy(NAME))["spec"]["podSelector"] == ITSELF["podSelector"]
        # A pod that only has the policy's name is none of its.
        await world.add_pod(NAME, "10.1.0.1", labels={"app": "web"})

        bench.want(of_web(2, gone=True))
        await bench.settled()

        assert await world.policies() == {}
        assert [method for method, _, _ in writes(server)] == ["POST", "DELETE"]


async def test_while_somebody_wears_its_labels_it_is_closed_and_not_deleted(
    cluster: Cluster, world: World
) -> None:
    async with working(cluster, of_web(1)) as bench:
        await world.add_pod("stranger", "10.1.0.1", labels=LABELS | {"more": "1"})

        bench.want(of_web(2, gone=True))
        await bench.settled()

        spec = (await world.policy(NAME))["spec"]
        assert spec["ingress"] == [{"from": [ITSELF]}]
        assert spec["egress"] == [{"to": [ITSELF]}]
        assert (NAME, "DELETED") not in bench.said


async def test_closed_to_itself_as_well_it_is_stored_as_it_is_wanted(
    cluster: Cluster, world: World, server: Server
) -> None:
    shared = of_web(2)
    assert shared.manifest is not None
    shared.manifest["spec"] |= {"ingress": [], "egress": []}

    async with working(cluster, of_web(1)) as bench:
        bench.want(shared)
        await bench.settled()
    async with working(cluster, shared):
        spec = (await world.policy(NAME))["spec"]

    assert not spec.get("ingress")
    assert not spec.get("egress")
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert [method for method, _, _ in writes(server)] == ["POST", "PATCH"]
