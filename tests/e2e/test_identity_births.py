"""A new pod of a workload is closed from its first moment: its policy was there before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import link_of
from tests.controlling import Controller, controlled_by
from tests.e2e.acting import Actor, acting, until_true
from tests.e2e.conftest import WORLDS
from tests.e2e.meanwhile import meanwhile
from tests.e2e.test_births import AFTERWARDS, LISTENER, Prober, enough, live_outside
from tests.e2e.test_identities import running
from tests.real import needs_packets

pytestmark = [needs_packets, pytest.mark.long]

BIRTHS = 20
AT_ONCE = 4
SETS = "/apis/apps/v1/namespaces/default/replicasets"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(params=WORLDS)
async def actor(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Actor]:
    world = {**request.param, "identity": "workload", "packets": True}
    async with acting(tmp_path, 1, **world) as actor:
        yield actor


@pytest.mark.timeout(1800)
async def test_a_new_pod_of_a_workload_is_never_reached_and_costs_no_write(actor: Actor) -> None:
    await live_outside(actor)
    controller = Controller(actor._kube)
    await controller.deploy("web", 1)
    await running(controller, "web", 1)
    await actor.settled()
    writes = len(actor.policy_writes())
    home = Namespace.at(link_of(actor.world.plan.state_dir / "packets", "outside", "prober"))
    prober = Prober(home)
    born = [f"10.244.7.{number}" for number in range(1, BIRTHS + 1)]
    async with meanwhile(prober.look):
        for at in range(0, BIRTHS, AT_ONCE):
            some = born[at : at + AT_ONCE]
            # From before the first moment of each.
            prober.aim(some)
            await asyncio.gather(*(bear(actor, address) for address in some))
            await running(controller, "web", 1 + at + AT_ONCE)
            await asyncio.sleep(AFTERWARDS)
            await until_true(partial(enough, prober, some))
    home.close()

    assert {each for each in prober.arrived if each != LISTENER} == set()
    await actor.settled()
    assert len(actor.policy_writes()) == writes


async def bear(actor: Actor, address: str) -> None:
    """Make one more pod of the Deployment, at an address that is known before."""
    (replica_set,) = await actor.listed(SETS)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", **replica_set}
    meta = {
        "name": f"web-{address.replace('.', '-')}",
        "labels": replica_set["spec"]["template"]["metadata"]["labels"],
        "annotations": {"vereflow.io/pod-ip": address},
        "ownerReferences": [controlled_by(owner)],
    }
    spec = replica_set["spec"]["template"]["spec"]
    await actor.change("POST", PODS, {"metadata": meta, "spec": spec})
