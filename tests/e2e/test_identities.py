"""Nodes that stand for workloads: pods come and go, and nothing is written; all is found again."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.controlling import Controller
from tests.e2e.acting import Actor, acting, as_endpoint, until_true
from tests.e2e.conftest import EMBEDDED, REAL, WORLDS
from tests.e2e.test_commands import Asking
from tests.e2e.test_counts import allow, spent
from tests.e2e.test_replay import kill_one
from tests.e2e.test_wiped import every_topic, same_specs, told, wiped
from tests.faults.witness import Witness
from tests.reading import Reach, allowed_ports
from tests.real import needs_go, needs_java

Json = dict[str, Any]
# By the names of two workloads: everything that pods of the one may send to pods of the other.
Between = dict[tuple[str, str], frozenset[Reach]]
ALIASES = {
    "203.0.113.9": "local/default/Deployment/web",
    "203.0.113.10": "local/default/Deployment/nobody",
}
NOTHING = Reach((), (), (), icmp=False)


# Each of the first two goes the whole way in one world by default, and in both in `make faults`.
FIRST_REAL = [
    pytest.param(EMBEDDED, id="embedded", marks=pytest.mark.long),
    pytest.param(REAL, id="real", marks=(needs_java, needs_go)),
]
FIRST_EMBEDDED = [
    pytest.param(EMBEDDED, id="embedded"),
    pytest.param(REAL, id="real", marks=(needs_java, needs_go, pytest.mark.long)),
]


@pytest.fixture
async def actor(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Actor]:
    async with acting(tmp_path, 1, identity="workload", **request.param) as actor:
        yield actor


@pytest.mark.parametrize("actor", FIRST_REAL, indirect=True)
async def test_pods_come_and_go_and_nothing_is_written_and_nobody_inherits(actor: Actor) -> None:
    controller = Controller(actor._kube)
    at = await populate(actor, controller)
    await scales_and_rolls_over(actor, controller)
    await replaces_a_pod(actor, controller, at)
    assert await actor.dead_letters() == {}


async def scales_and_rolls_over(actor: Actor, controller: Controller) -> None:
    before, reach, graph = await spent(actor), await between(actor), await actor.graph()
    assert reach["web", "shop"] == {Reach(((80, 80),), (), (), icmp=False)}
    assert reach["shop", "web"] == reach["web", "db"] == {NOTHING}

    async with looking_on(actor) as seen:
        for replicas in (5, 3):
            await controller.scale("web", replicas)
            await running(controller, "web", replicas)
        await controller.roll_over("web")
        await running(controller, "web", 3)
        await actor.settled()
    assert await spent(actor) == before
    assert await between(actor) == reach
    assert await actor.graph() == graph
    assert [each for each in seen if not each.items() <= reach.items()] == []
    assert len(seen) > 10


async def replaces_a_pod(actor: Actor, controller: Controller, at: Mapping[str, str]) -> None:
    (old,) = await controller.pods(app="db")
    alias = old["status"]["podIP"]
    await actor.write_rules([*rules(at), allow(at["web"], alias)])
    await actor.settled()
    before, reach = await spent(actor), await between(actor)
    assert reach["web", "db"] == reach["web", "shop"]

    new = await controller.replace("db-0")
    await running(controller, "db", 1)
    await actor.add_pod("stranger", alias, {"app": "stranger"})
    await running(controller, "stranger", 1)
    await actor.settled()

    (stranger,) = await controller.pods(app="stranger")
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    assert stranger["status"]["podIP"] == alias
    after = await between(actor)
    assert {ends: after[ends] for ends in reach} == reach
    assert {after[ends] for ends in after if "stranger" in ends} == {frozenset({NOTHING})}
    # Its own policy; its node and the edge to it.
    assert await spent(actor) == (before[0] + 1, before[1] + 2)


async def ends_a_workload(actor: Actor, controller: Controller, at: Mapping[str, str]) -> None:
    kept = await actor.policies()
    await controller.remove_deployment("shop")
    await actor.settled()
    # Its time is not over: it may come back.
    assert await actor.policies() == kept
    assert len(await actor.rules()) == 2

    await actor.world.workers.stop()
    settings = actor.world.plan.environment
    settings["VEREFLOW_GRAPH__GRACE_MINUTES"] = "0"
    settings["VEREFLOW_GRAPH__ALIASES"] = json.dumps(ALIASES)
    await actor.world.start_workers(1)
    await until_true(lambda: is_gone(actor, at["shop"]))
    await actor.settled()
    assert (await actor.policies()).keys() == kept.keys() - {"deployment.shop"}
    # Both named it.
    assert await actor.rules() == []


async def is_named_by_an_address_of_elsewhere(actor: Actor, at: Mapping[str, str]) -> None:
    """The settings were changed with the restart before."""
    elsewhere, nobodys = ALIASES
    await actor.write_rules([allow(at["db"], elsewhere), allow(at["db"], nobodys)])
    await actor.settled()

    reach = await between(actor)
    assert reach["db", "web"] == {Reach(((80, 80),), (), (), icmp=False)}
    assert reach["db", "zebra"] == reach["web", "db"] == {NOTHING}
    told = (await Asking(actor).data("identities"))["aliases"]
    assert {each["address"]: each["state"] for each in told} == {
        elsewhere: "held",
        nobodys: "nobody's",
    }
    assert "alias of nobody" in await Asking(actor).ends(0, "status")


async def is_gone(actor: Actor, address: str) -> bool:
    return address not in await actor.neighbours()


@pytest.mark.long
@pytest.mark.parametrize("actor", WORLDS, indirect=True)
@pytest.mark.timeout(1800)
async def test_a_worker_that_is_killed_again_and_again_writes_nothing_and_moves_nobody(
    actor: Actor,
) -> None:
    controller = Controller(actor._kube)
    at = await populate(actor, controller)
    before, reach, graph = await spent(actor), await between(actor), await actor.graph()

    async with looking_on(actor) as seen:
        for replicas in (6, 2, 5, 3):
            await controller.scale("web", replicas)
            await kill_one(actor)
            await controller.roll_over("shop")
            await running(controller, "web", replicas)
            await running(controller, "shop", 2)
            await actor.settled()
    assert {name: each["address"] for name, each in (await listed(actor)).items()} == at
    assert await spent(actor) == before
    assert (await between(actor), await actor.graph()) == (reach, graph)
    assert [each for each in seen if not each.items() <= reach.items()] == []
    assert await actor.dead_letters() == {}


@pytest.mark.parametrize("actor", FIRST_EMBEDDED, indirect=True)
async def test_with_all_topics_and_disks_wiped_everybody_has_his_address_until_his_time_is_over(
    actor: Actor,
) -> None:
    controller = Controller(actor._kube)
    # It was first, and is the last of all in what is listed anew.
    await controller.deploy("zebra", 1)
    await actor.settled()
    at = await populate(actor, controller)
    await scales_and_rolls_over(actor, controller)
    await says_who_is_who(actor, at)
    await loses_all_but_the_cluster_and_verefoo(actor)
    await ends_a_workload(actor, controller, at)
    await is_named_by_an_address_of_elsewhere(actor, at)
    assert await actor.dead_letters() == {}


async def loses_all_but_the_cluster_and_verefoo(actor: Actor) -> None:
    identities = await listed(actor)
    before, policies = await spent(actor), await actor.policies()
    graph, said = await actor.graph(), await actor.rules()
    witness = Witness(actor._kube)
    await witness.begin()
    witness.versions.clear()

    await wiped(actor, every_topic(actor))

    await witness.end()
    assert same_specs(witness.versions, policies) == []
    # The epoch is a new one, on each.
    assert await spent(actor) == (before[0] + len(policies), before[1])
    assert told(await actor.policies()) == told(policies)
    assert (await actor.graph(), await actor.rules()) == (graph, said)
    assert await listed(actor) == identities


async def populate(actor: Actor, controller: Controller) -> dict[str, str]:
    """Have two Deployments and a StatefulSet, and rules; return their addresses."""
    await controller.deploy("web", 2)
    await controller.deploy("shop", 2)
    await controller.have_stateful_set("db", 1)
    for name, pods in (("web", 2), ("shop", 2), ("db", 1)):
        await running(controller, name, pods)
    await actor.settled()
    at = {name: each["address"] for name, each in (await listed(actor)).items()}
    await actor.write_rules(rules(at))
    await actor.settled()
    return at


def rules(at: Mapping[str, str]) -> list[Json]:
    return [allow(at["web"], at["shop"]), allow(at["shop"], at["db"])]


async def running(controller: Controller, name: str, pods: int) -> None:
    """Return when so many pods of a workload have an address."""

    async def all_have_one() -> bool:
        found = await controller.pods(app=name)
        return len(found) == pods and all(each["status"].get("podIP") for each in found)

    await until_true(all_have_one)


async def listed(actor: Actor) -> dict[str, Json]:
    """Return the identities by the names of their workloads."""
    told = await Asking(actor).data("identities")
    return {each["name"]: each for each in told["identities"]}


async def between(actor: Actor) -> Between:
    """Return what the stored policies let workloads send to each other, pod by pod."""
    policies, pods = list((await actor.policies()).values()), await actor.pods()
    found: defaultdict[tuple[str, str], set[Reach]] = defaultdict(set)
    ends = [as_endpoint(pod) for pod in pods]
    for one in ends:
        for two in (each for each in ends if each is not one):
            names = (f"{each['namespace']}/{each['name']}" for each in (one, two))
            reach = allowed_ports(policies, ends, *names)
            found[one["labels"]["app"], two["labels"]["app"]].add(reach)
    return {ends: frozenset(reached) for ends, reached in found.items()}


@asynccontextmanager
async def looking_on(actor: Actor) -> AsyncIterator[list[Between]]:
    """Look again and again who reaches whom."""
    seen: list[Between] = []

    async def look() -> None:
        while True:
            seen.append(await between(actor))
            await asyncio.sleep(0.05)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def says_who_is_who(actor: Actor, at: Mapping[str, str]) -> None:
    asking = Asking(actor)
    (web,) = (await asking.data("identities", "Deployment/web"))["identities"]
    pods = (await asking.data("pods"))["pods"]
    own = [each for each in pods if each["key"].startswith("local/default/web-")]

    assert (web["address"], web["selector"]) == (at["web"], {"app": "web"})
    assert web["aliases"] == sorted(each["address"] for each in own)
    assert {f"local/default/{name}" for name in web["pods"]} == {each["key"] for each in own}
    assert "default/Deployment/web" in await asking.ends(0, "identities")
    for command in ("verify", "diff"):
        await asking.ends(0, command)
    assert "identities: 4" in await asking.ends(0, "status")
    assert "deployment.shop TCP 80" in await asking.ends(0, "replay")
