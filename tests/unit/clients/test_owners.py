"""Whose a pod is, by what its owners say, and how often they are asked."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from agents.clients.errors import Refused, TryLater
from agents.clients.owners import AT_ONCE, TRIES, Owners
from agents.clients.workloads import ServiceAccounts, workloads_of
from streams.records.views import Workload
from tests.unit.clients.owned import Keeper, owned, reference

WEB = {"app": "web"}
DEPLOYMENT = reference("Deployment", "web")
REPLICA_SET = reference("ReplicaSet", "web-1")
CRON = reference("CronJob", "tidy", version="batch/v1")


def owners(keeper: Keeper, **more: Any) -> Owners:
    return Owners(keeper, **more)  # type: ignore[arg-type]


def deployed() -> Keeper:
    keeper = Keeper()
    keeper.keep(DEPLOYMENT, selector={"matchLabels": WEB})
    keeper.keep(REPLICA_SET, DEPLOYMENT, {"matchLabels": WEB | {"pod-template-hash": "1"}})
    return keeper


async def test_a_replica_set_is_its_deployments() -> None:
    found = await owners(deployed()).workload(owned("web-1-x", REPLICA_SET, app="web"))

    assert found == Workload(kind="Deployment", name="web", selector=WEB)


async def test_a_job_is_its_cron_jobs() -> None:
    keeper = Keeper()
    job = keeper.keep(reference("Job", "tidy-29", version="batch/v1"), keeper.keep(CRON))

    found = await owners(keeper).workload(owned("tidy-29-x", job))

    assert found == Workload(kind="CronJob", name="tidy")


async def test_whatever_kind_is_on_top_is_the_workload() -> None:
    keeper = Keeper()
    fleet = keeper.keep(reference("Fleet", "all", version="example.com/v1"))
    rollout = keeper.keep(reference("Rollout", "web", version="example.com/v1"), fleet)
    keeper.keep(REPLICA_SET, rollout)

    found = await owners(keeper).workload(owned("web-1-x", REPLICA_SET))

    assert found == Workload(kind="Fleet", name="all")


@pytest.mark.parametrize("node", [None, reference("Node", "node-1", version="v1")])
@pytest.mark.parametrize(("app", "selector"), [("single", {"app": "single"}), ("web", None)])
async def test_a_pod_that_nobody_made_is_its_own(node: Any, app: str, selector: Any) -> None:
    keeper, pod = Keeper(), owned("single", node, app=app)
    told = owners(keeper)
    await told.begin([pod])
    found = await told.workload(pod)

    assert not keeper.asked
    assert found == Workload(kind="Pod", name="single", selector=selector)


@pytest.mark.parametrize(
    "selector",
    [
        None,
        {},
        WEB,
        {"matchLabels": {}},
        {"matchLabels": {"app": 1}},
        {"matchLabels": WEB, "matchExpressions": [{"key": "tier", "operator": "Exists"}]},
        {"matchLabels": {"batch.kubernetes.io/controller-uid": "u1"}},
    ],
)
async def test_what_does_not_find_pods_by_labels_alone_is_no_selector(selector: Any) -> None:
    keeper = Keeper()
    top = keeper.keep(reference("StatefulSet", "db"), selector=selector)
    labels = WEB | {"batch.kubernetes.io/controller-uid": "u1"}

    found = await owners(keeper).workload(owned("db-0", top, **labels))

    assert found == Workload(kind="StatefulSet", name="db")


async def test_what_the_workload_selects_is_told_of_pods_that_do_not_wear_it_as_well() -> None:
    found = await owners(deployed()).workload(owned("web-1-x", REPLICA_SET, app="other"))

    assert found == Workload(kind="Deployment", name="web", selector=WEB)


@pytest.mark.row("E45")
async def test_above_who_is_gone_nothing_is_known() -> None:
    keeper = deployed()
    keeper.lose(DEPLOYMENT)

    found = await owners(keeper).workload(owned("web-1-x", REPLICA_SET, app="web"))

    assert found == Workload(kind="Deployment", name="web")


@pytest.mark.parametrize("selector", [None, WEB])
async def test_a_replica_set_that_is_gone_still_names_its_deployment(selector: Any) -> None:
    keeper, labels = deployed(), {"app": "web", "pod-template-hash": "1"}
    keeper.lose(REPLICA_SET)
    if selector is None:
        keeper.lose(DEPLOYMENT)

    found = await owners(keeper).workload(owned("web-1-x", REPLICA_SET, **labels))

    assert found == Workload(kind="Deployment", name="web", selector=selector)


async def test_who_has_the_name_now_says_what_the_pods_of_his_predecessor_are_of() -> None:
    keeper = Keeper()
    keeper.keep(reference("StatefulSet", "db", "uid-2"), selector={"matchLabels": WEB})

    found = await owners(keeper).workload(owned("db-0", reference("StatefulSet", "db", "uid-1")))

    assert found == Workload(kind="StatefulSet", name="db", selector=WEB)


@pytest.mark.row("E45")
@pytest.mark.parametrize(
    "odd",
    [
        reference("Gizmo", "web"),
        reference("Gizmo", "web", version="gone.example/v1"),
        reference("Gizmo", "web", version="a/b/c"),
        reference("Deployment", "../secrets/web"),
    ],
)
async def test_who_cannot_be_read_is_the_workload_as_he_is_named(odd: Any) -> None:
    found = await owners(deployed()).workload(owned("web-x", odd, app="web"))

    assert found == Workload(kind=odd.kind, name=odd.name)


async def test_what_we_may_not_read_is_said_and_asked_again_with_the_next_listing() -> None:
    keeper = deployed()
    keeper.trouble[keeper.path(REPLICA_SET)] = Refused("GET replicasets: 403 Forbidden: no")
    found, pod = owners(keeper), owned("web-1-x", REPLICA_SET, app="web")
    await found.begin([pod])

    assert await found.workload(pod) == Workload(kind="ReplicaSet", name="web-1")
    assert found.unread == ["GET replicasets: 403 Forbidden: no"]

    keeper.trouble.clear()
    await found.begin([pod])

    assert await found.workload(pod) == Workload(kind="Deployment", name="web", selector=WEB)
    assert found.unread == []


@pytest.mark.parametrize("what", ["apps/v1", "replica set", "deployment"])
async def test_trouble_that_may_pass_is_no_answer(what: str) -> None:
    keeper = deployed()
    paths = {"replica set": keeper.path(REPLICA_SET), "deployment": keeper.path(DEPLOYMENT)}
    keeper.trouble[paths.get(what, what)] = TryLater("429")
    found, pod = owners(keeper), owned("web-1-x", REPLICA_SET, app="web")

    for attempt in (found.begin([pod]), found.workload(pod)):
        with pytest.raises(TryLater):
            await attempt
    keeper.trouble.clear()

    assert await found.workload(pod) == Workload(kind="Deployment", name="web", selector=WEB)


async def test_trouble_with_one_owner_that_stays_is_said_and_holds_nobody_up() -> None:
    keeper, pod = deployed(), owned("web-1-x", REPLICA_SET, app="web")
    keeper.trouble[keeper.path(DEPLOYMENT)] = TryLater("503")
    found = owners(keeper)
    for _ in range(TRIES - 1):
        with pytest.raises(TryLater):
            await found.begin([pod])

    await found.begin([pod])
    assert await found.workload(pod) == Workload(kind="Deployment", name="web")
    assert found.unread == ["503"]

    keeper.trouble.clear()
    await found.begin([pod])
    assert await found.workload(pod) == Workload(kind="Deployment", name="web", selector=WEB)
    assert found.unread == []


@pytest.mark.row("E46")
async def test_owners_in_a_ring_end() -> None:
    keeper = Keeper()
    one, two = reference("Deployment", "one"), reference("Deployment", "two")
    keeper.keep(one, two)
    keeper.keep(two, one)

    found = await owners(keeper).workload(owned("x", one))

    assert found == Workload(kind="Deployment", name="two")


@pytest.mark.row("E46")
async def test_so_many_owners_above_each_other_end() -> None:
    keeper = Keeper()
    above = [reference("Deployment", f"d{number}") for number in range(20)]
    for lower, upper in pairwise(above):
        keeper.keep(lower, upper)

    found = await owners(keeper).workload(owned("x", above[0]))

    assert found.name == "d7"
    assert sum(keeper.asked.values()) == 1 + 8


async def test_the_next_owner_of_a_name_is_another() -> None:
    keeper = deployed()
    found = owners(keeper)
    await found.workload(owned("web-1-x", REPLICA_SET, app="web"))
    shop = {"app": "web", "tier": "front"}
    again = reference("Deployment", "web", "uid-2")
    keeper.keep(again, selector={"matchLabels": shop})
    later = keeper.keep(reference("ReplicaSet", "web-1", "uid-3"), again)

    assert await found.workload(owned("web-1-y", later, **shop)) == Workload(
        kind="Deployment", name="web", selector=shop
    )
    # Who named the one that is gone keeps what that one said.
    assert (await found.workload(owned("web-1-x", REPLICA_SET, app="web"))).selector == WEB


@pytest.mark.row("E47")
async def test_who_names_the_uid_of_another_spoils_nothing() -> None:
    keeper = deployed()
    found = owners(keeper)
    liar = reference("StatefulSet", "web", REPLICA_SET.uid)

    assert (await found.workload(owned("x", liar))).kind == "StatefulSet"
    assert (await found.workload(owned("y", REPLICA_SET, app="web"))).kind == "Deployment"


async def test_pods_of_one_owner_ask_once_even_at_the_same_time() -> None:
    keeper = deployed()
    found = owners(keeper)
    pods = [owned(f"web-1-{number}", REPLICA_SET, app="web") for number in range(20)]

    await asyncio.gather(*(found.workload(pod) for pod in pods))

    assert set(keeper.asked.values()) == {1}
    assert len(keeper.asked) == 3


async def test_a_large_listing_asks_twice_for_each_deployment_and_never_too_much_at_once() -> None:
    keeper, pods = Keeper(), []
    for number in range(500):
        web = keeper.keep(reference("Deployment", f"d{number}"), selector={"matchLabels": WEB})
        replicas = keeper.keep(reference("ReplicaSet", f"d{number}-1"), web)
        pods += [owned(f"d{number}-1-{each}", replicas, app="web") for each in range(20)]
    found = owners(keeper)

    await found.begin(pods)
    told = [await found.workload(pod) for pod in pods]
    await found.begin(pods)

    assert len({each.name for each in told}) == 500
    # The second listing asked nothing.
    assert sum(keeper.asked.values()) == 2 * 500 + 1
    assert keeper.busiest <= AT_ONCE


async def test_what_is_old_is_read_again_with_the_next_listing() -> None:
    keeper = deployed()
    found, pod = owners(keeper, kept_seconds=0.0), owned("web-1-x", REPLICA_SET, app="web")
    await found.begin([pod])
    adopter = keeper.keep(reference("Deployment", "front"), selector={"matchLabels": WEB})
    keeper.keep(REPLICA_SET, adopter)

    assert (await found.workload(pod)).name == "web"
    await found.begin([pod])
    assert (await found.workload(pod)).name == "front"


async def test_no_more_than_so_many_owners_are_kept() -> None:
    keeper = Keeper()
    first, *others = (keeper.keep(reference("Deployment", f"d{number}")) for number in range(4))
    found = owners(keeper, kept=3)

    for each in (first, *others, first):
        await found.workload(owned("x", each))

    assert keeper.asked[keeper.path(first)] == 2
    assert keeper.asked[keeper.path(others[-1])] == 1


async def test_a_service_account_is_a_workload_that_nobody_is_asked_about() -> None:
    accounts, pod = ServiceAccounts(), owned("x", REPLICA_SET)
    await accounts.begin([pod])

    assert await accounts.workload(pod) == Workload(kind="ServiceAccount", name="default")
    named = pod | {"spec": {"serviceAccountName": "shop"}}
    assert await accounts.workload(named) == Workload(kind="ServiceAccount", name="shop")


def test_where_pods_stand_for_themselves_nobody_says_whose_they_are() -> None:
    cluster: Any = Keeper()

    assert workloads_of(cluster, "pod") is None
    assert isinstance(workloads_of(cluster, "workload"), Owners)
    assert isinstance(workloads_of(cluster, "service-account"), ServiceAccounts)
