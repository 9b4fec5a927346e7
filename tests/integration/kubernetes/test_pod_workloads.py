"""Of every pod is told which workload it is of, whatever becomes of its owners meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from agents.clients.kubernetes import Cluster
from agents.clients.owners import Owners
from agents.clients.workloads import workloads_of
from streams.records.views import Workload
from tests.controlling import POD_SPEC, Controller
from tests.e2e.acting import until_true
from tests.integration.kubernetes.servers import Real, Server
from tests.integration.kubernetes.watching import complete, events, watching
from tests.integration.kubernetes.world import Proxy, Records, World, until
from tests.real import needs_go

WEB = Workload(kind="Deployment", name="web", selector={"app": "web"})
DB = Workload(kind="StatefulSet", name="db", selector={"app": "db"})
SINGLE = Workload(kind="Pod", name="single", selector={"app": "single"})


@pytest.fixture
async def controller(server: Server) -> AsyncIterator[Controller]:
    async with server.client() as http:
        controller = Controller(http)
        yield controller
        await controller.clear()


def workloads(records: Records) -> dict[str, Workload | None]:
    """Return what is told last of each pod."""
    return {event.pod_name: event.workload for event in events(records)}


async def test_pods_of_every_kind_say_whose_they_are(
    cluster: Cluster, world: World, controller: Controller
) -> None:
    records = Records()
    await controller.deploy("web", 2)
    await controller.have_stateful_set("db", 1)

    async with watching(cluster, records, workloads=Owners(cluster)):
        await until(lambda: complete(records))
        await world.add_pod("single")
        await controller.have_daemon_set("agent", 1)
        await controller.run_job("tidy-1", await controller.have_cron_job("tidy"))
        await controller.run_job("once")
        await until(lambda: len(workloads(records)) == 7)

    found = {(each.kind, each.name): each for each in workloads(records).values() if each}
    assert found.pop(("DaemonSet", "agent")).selector == {"app": "agent"}
    # By their uid jobs select their own pods alone, so they say nothing of the next ones.
    assert found.pop(("CronJob", "tidy")).selector is None
    assert found.pop(("Job", "once")).selector is None
    assert found == {(each.kind, each.name): each for each in (WEB, DB, SINGLE)}


async def test_scaling_rolling_over_and_replacing_leave_every_pod_with_its_workload(
    cluster: Cluster, controller: Controller
) -> None:
    records = Records()
    await controller.deploy("web", 2)
    await controller.have_stateful_set("db", 2)

    async with watching(cluster, records, workloads=Owners(cluster)):
        await until(lambda: complete(records))
        await controller.scale("web", 5)
        await controller.scale("web", 3)
        await controller.roll_over("web")
        await controller.roll_over("web")
        await controller.scale("web", 4)
        assert len(await controller.pods(app="web")) == 4
        before = {event.uid for event in events(records) if event.pod_name == "db-0"}
        after = await controller.replace("db-0", "10.1.0.7")
        await controller.remove_deployment("web")
        gone = {pod for pod in workloads(records) if pod.startswith("web")}
        await until(
            lambda: (
                {e.pod_name for e in events(records) if e.event == "DELETED"} >= gone
                and after["metadata"]["uid"] in {e.uid for e in events(records) if e.pod_ip}
            )
        )

    assert len(before) == 1
    assert after["metadata"]["uid"] not in before
    for event in events(records):
        assert event.workload == (WEB if event.pod_name.startswith("web") else DB)


async def test_a_pod_whose_owners_went_first_still_says_whose_it_was(
    cluster: Cluster, controller: Controller
) -> None:
    records = Records()
    await controller.deploy("web", 1)
    await controller.clear()

    async with watching(cluster, records, workloads=Owners(cluster)):
        await until(lambda: complete(records))

    (found,) = workloads(records).values()
    assert found == Workload(kind="Deployment", name="web")


@pytest.mark.parametrize("identity", ["pod", "service-account"])
async def test_nobody_is_asked_about_owners_that_do_not_matter(
    proxied: Cluster, proxy: Proxy, controller: Controller, identity: Any
) -> None:
    records = Records()
    await controller.deploy("web", 2)

    async with watching(proxied, records, workloads=workloads_of(proxied, identity)):
        await until(lambda: complete(records))
        await controller.scale("web", 3)
        await until(lambda: len(workloads(records)) == 3)

    account = Workload(kind="ServiceAccount", name="default")
    assert set(map(repr, workloads(records).values())) == {
        repr(account if identity == "service-account" else None)
    }
    assert not [each for _, each in proxy.requests if "/apps/" in each or "/batch/" in each]


async def test_trouble_on_the_way_up_is_said_and_nothing_is_guessed(
    proxied: Cluster, proxy: Proxy, controller: Controller
) -> None:
    records = Records()
    busy = True

    async def no_owners(request: web.Request, go_on: Any) -> Any:
        return web.Response(status=503) if busy and "/apps/" in request.path else await go_on()

    proxy.fault = no_owners
    await controller.deploy("web", 1)
    async with watching(proxied, records, workloads=Owners(proxied)) as watcher:
        await until(lambda: "503" in watcher.last_error)
        assert not events(records)
        busy = False
        await until(lambda: complete(records))
        await until(lambda: not watcher.last_error)

        busy = True
        await controller.have_stateful_set("db", 1)
        await until(lambda: "503" in watcher.last_error)
        assert list(workloads(records).values()) == [WEB]
        busy = False
        await until(lambda: "db-0" in workloads(records))
        await until(lambda: not watcher.last_error)

    assert {event.workload.name for event in events(records) if event.workload} == {"web", "db"}


async def test_what_we_may_not_read_is_said_and_the_way_up_ends_there(
    proxied: Cluster, proxy: Proxy, controller: Controller
) -> None:
    records = Records()

    async def forbidden(request: web.Request, go_on: Any) -> Any:
        if "/deployments/" not in request.path:
            return await go_on()
        told = {"reason": "Forbidden", "message": "cannot get deployments"}
        return web.json_response(told, status=403)

    proxy.fault = forbidden
    await controller.deploy("web", 1)
    async with watching(proxied, records, workloads=Owners(proxied)) as watcher:
        await until(lambda: complete(records))
        (said,) = watcher.unread
        # Pods are followed all the same.
        assert not watcher.last_error

    assert "403 Forbidden: cannot get deployments" in said
    assert list(workloads(records).values()) == [Workload(kind="Deployment", name="web")]


@pytest.mark.parametrize("server", [pytest.param("apiserver", marks=needs_go)], indirect=True)
async def test_an_owner_of_a_kind_of_somebody_elses_is_read_like_ours(
    cluster: Cluster, world: World, server: Real, controller: Controller
) -> None:
    records = Records()
    async with server.client() as http:
        kind = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        (await http.post(kind, json=ROLLOUTS)).raise_for_status()
        try:
            where = "/apis/vereflow.test/v1/namespaces/default/rollouts"
            body = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}}
            type_ = {"apiVersion": "vereflow.test/v1", "kind": "Rollout"}

            async def is_served() -> bool:
                return (await http.post(where, json=type_ | body)).status_code in (201, 409)

            await until_true(is_served)
            template = {"metadata": {"labels": {"a": "b"}}, "spec": POD_SPEC}
            made = (await http.get(f"{where}/web")).json()
            await controller.make_pod(made | {"spec": {"template": template}}, "web-x")

            async with watching(cluster, records, workloads=Owners(cluster)):
                await until(lambda: complete(records))
        finally:
            await http.delete(f"{kind}/rollouts.vereflow.test")

    assert workloads(records) == {
        "web-x": Workload(kind="Rollout", name="web", selector={"a": "b"})
    }


ROLLOUTS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "rollouts.vereflow.test"},
    "spec": {
        "group": "vereflow.test",
        "scope": "Namespaced",
        "names": {"plural": "rollouts", "singular": "rollout", "kind": "Rollout"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
