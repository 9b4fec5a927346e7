"""What every pod may do beside its rules is a policy of its own; unasked for, it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agents import namespace_closer
from agents.allowances import Allowance, AskingDns, BeingCalled, BeingScraped, BeingServed
from agents.clients.kubernetes import Cluster
from agents.managed_namespaces import ManagedNamespaces
from agents.namespace_closer import NamespaceCloser
from tests.integration.kubernetes.world import World, running, until
from tests.real import needs_go

KINDS = ("prometheus", "ingress", "webhooks")
CLOSING, DNS = "vereflow-isolation", "vereflow-allow-dns"
LABELS = {"k8s-app": "kube-dns"}
USUAL = [
    {"name": "udp", "protocol": "UDP", "port": 53, "targetPort": 1053},
    {"name": "tcp", "protocol": "TCP", "port": 53, "targetPort": "dns-tcp"},
    {"name": "metrics", "protocol": "TCP", "port": 9153, "targetPort": 9153},
]
PEER = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
    "podSelector": {"matchLabels": LABELS},
}


def asking(*ports: tuple[str, int | str]) -> dict[str, Any]:
    told = [{"protocol": protocol, "port": port} for protocol, port in ports]
    return {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"to": [PEER], "ports": told}],
    }


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace_closer, "READ_SECONDS", 0.1)
    monkeypatch.setattr(namespace_closer, "LOOK_SECONDS", 0.1)


@pytest.fixture
async def world(world: World) -> AsyncIterator[World]:
    """A world whose services go with the test."""
    yield world
    await world.delete_service("dns")


@asynccontextmanager
async def allowing(cluster: Cluster, *allowances: Allowance) -> AsyncIterator[NamespaceCloser]:
    closer = NamespaceCloser(
        cluster, instance="main", managed=ManagedNamespaces(["default"]), allowances=allowances
    )
    async with running(closer.run()):
        yield closer


async def becomes(world: World, name: str, spec: Any) -> None:
    """Return once a policy's spec is so; None: once there is none of that name."""
    for _ in range(3000):
        found = (await world.policies()).get(name)
        if (found and found["spec"]) == spec:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(found)


async def test_every_pod_may_ask_the_pods_behind_the_dns_service(
    cluster: Cluster, world: World
) -> None:
    await world.put_service("dns", {"selector": LABELS, "ports": USUAL})
    async with allowing(cluster, AskingDns(cluster, "default/dns")) as closer:
        await becomes(world, DNS, asking(("TCP", "dns-tcp"), ("UDP", 1053)))
        await until(lambda: not closer.last_error)

    stored = (await world.policies())[DNS]["metadata"]
    assert "DNS" in stored["annotations"]["vereflow.io/reason"]
    assert stored["labels"]["vereflow.io/standing"] == "main"


async def test_another_port_behind_the_service_is_followed(cluster: Cluster, world: World) -> None:
    await world.put_service("dns", {"selector": LABELS, "ports": USUAL[:1]})
    async with allowing(cluster, AskingDns(cluster, "default/dns")):
        await becomes(world, DNS, asking(("UDP", 1053)))

        moved = [{**USUAL[0], "targetPort": 5353}]
        await world.put_service("dns", {"selector": LABELS, "ports": moved})

        await becomes(world, DNS, asking(("UDP", 5353)))


async def test_what_somebody_edits_or_removes_is_put_back(cluster: Cluster, world: World) -> None:
    await world.put_service("dns", {"selector": LABELS, "ports": USUAL[:1]})
    async with allowing(cluster, AskingDns(cluster, "default/dns")):
        await becomes(world, DNS, asking(("UDP", 1053)))
        await world.edit_policy(DNS, {"spec": {"egress": [{}]}})
        await becomes(world, DNS, asking(("UDP", 1053)))
        await world.delete_policy(DNS)
        await becomes(world, DNS, asking(("UDP", 1053)))


async def test_an_allowance_that_nobody_asks_for_any_more_goes_and_the_namespace_stays_closed(
    cluster: Cluster, world: World
) -> None:
    await world.put_service("dns", {"selector": LABELS, "ports": USUAL})
    async with allowing(cluster, AskingDns(cluster, "default/dns")):
        await becomes(world, DNS, asking(("TCP", "dns-tcp"), ("UDP", 1053)))

    async with allowing(cluster):
        await becomes(world, DNS, None)

    assert (await world.policies()).keys() == {CLOSING}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (None, "404"),
        ({"ports": USUAL}, "selects no pods"),
        ({"selector": LABELS, "ports": USUAL[2:]}, "no port 53"),
    ],
    ids=["no service", "no selector", "no port"],
)
async def test_what_cannot_be_allowed_is_said_and_the_namespace_is_closed_all_the_same(
    cluster: Cluster, world: World, spec: Any, why: str
) -> None:
    if spec is not None:
        await world.put_service("dns", spec)
    async with allowing(cluster, AskingDns(cluster, "default/dns")) as closer:
        await until(lambda: why in closer.last_error)
        await until(lambda: "not closed yet" not in closer.last_error)

    assert (await world.policies()).keys() == {CLOSING}


async def test_while_the_service_cannot_be_read_the_allowance_stays(
    cluster: Cluster, world: World
) -> None:
    await world.put_service("dns", {"selector": LABELS, "ports": USUAL[:1]})
    async with allowing(cluster, AskingDns(cluster, "default/dns")):
        await becomes(world, DNS, asking(("UDP", 1053)))
        await world.delete_service("dns")

        async with allowing(cluster, AskingDns(cluster, "default/dns")) as another:
            await until(lambda: "404" in another.last_error)
            await until(lambda: "not closed yet" not in another.last_error)

    assert (await world.policies()).keys() == {CLOSING, DNS}


PROMETHEUS, INGRESS, WEBHOOKS = (f"vereflow-allow-{each}" for each in KINDS)
CALLER = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "edge"}},
    "podSelector": {"matchLabels": {"app": "caller"}},
}
# Only there are Ingresses and webhook configurations.
ON_THE_REAL_ONE = pytest.mark.parametrize(
    "server", [pytest.param("apiserver", marks=needs_go)], indirect=True
)
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
WEB = {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}


def admitted(selector: Any, caller: Any, port: int | str) -> dict[str, Any]:
    return {
        "podSelector": {"matchLabels": selector} if selector else {},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [caller], "ports": [{"protocol": "TCP", "port": port}]}],
    }


def ingress(*services: str) -> dict[str, Any]:
    backends = [{"service": {"name": each, "port": {"name": "http"}}} for each in services]
    paths = [
        {"path": f"/{number}", "pathType": "Exact", "backend": backend}
        for number, backend in enumerate(backends)
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"rules": [{"http": {"paths": paths}}]},
    }


def webhook(service: str) -> dict[str, Any]:
    called = {"namespace": "default", "name": service}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "vereflow-test"},
        "webhooks": [
            {
                "name": "guard.example.com",
                "clientConfig": {"service": called},
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "failurePolicy": "Ignore",
                # Of nothing that there is: nobody is really called.
                "rules": [
                    {
                        "apiGroups": ["none.example.com"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["nothings"],
                    }
                ],
            }
        ],
    }


async def test_pods_that_ask_for_it_are_scraped_as_long_as_they_ask(
    cluster: Cluster, world: World
) -> None:
    await world.add_pod("db")
    async with allowing(cluster, BeingScraped(cluster, "edge/app=caller")) as closer:
        await until(lambda: not closer.last_error)
        assert (await world.policies()).keys() == {CLOSING}

        notes = {"prometheus.io/scrape": "true", "prometheus.io/port": "9187"}
        await world.annotate_pod("db", **notes)
        await becomes(world, PROMETHEUS, admitted({}, CALLER, 9187))
        assert closer.status["allowed"] == {PROMETHEUS: 1}

        await world.delete_pod("db")
        await becomes(world, PROMETHEUS, None)


@ON_THE_REAL_ONE
async def test_whoever_serves_ingresses_reaches_the_pods_behind_their_services(
    cluster: Cluster, world: World
) -> None:
    await world.put_service("dns", WEB)
    await world.put(f"{INGRESSES}/shop", ingress("dns", "gone"))
    try:
        async with allowing(cluster, BeingServed(cluster, "edge/app=caller")) as closer:
            await becomes(world, f"{INGRESS}.dns", admitted({"app": "web"}, CALLER, 8080))
            await until(lambda: "default/gone" in str(closer.status["not_allowed"]))
            assert "404" not in closer.last_error

            await world.put_service("dns", {**WEB, "selector": {"app": "new"}})
            await becomes(world, f"{INGRESS}.dns", admitted({"app": "new"}, CALLER, 8080))
            await world.put(f"{INGRESSES}/shop", ingress("gone"))
            await becomes(world, f"{INGRESS}.dns", None)
    finally:
        await world.delete(f"{INGRESSES}/shop")


@ON_THE_REAL_ONE
async def test_the_api_server_may_call_the_webhooks_that_it_is_told_of(
    cluster: Cluster, world: World
) -> None:
    ports = [{"port": 443, "targetPort": "https"}]
    await world.put_service("dns", {"selector": {"app": "guard"}, "ports": ports})
    await world.put(f"{CONFIGURATIONS}/vereflow-test", webhook("dns"))
    block = {"ipBlock": {"cidr": "172.18.0.0/28"}}
    try:
        async with allowing(cluster, BeingCalled(cluster, ["172.18.0.0/28"])):
            await becomes(world, f"{WEBHOOKS}.dns", admitted({"app": "guard"}, block, "https"))
    finally:
        await world.delete(f"{CONFIGURATIONS}/vereflow-test")

    # A configuration that is gone asks for nothing, and what is not asked for goes.
    async with allowing(cluster, BeingCalled(cluster, ["172.18.0.0/28"])):
        await becomes(world, f"{WEBHOOKS}.dns", None)


async def test_one_that_cannot_be_read_does_not_hold_up_another(
    cluster: Cluster, world: World
) -> None:
    await world.put_service("dns", {"selector": LABELS, "ports": USUAL[:1]})
    broken, well = AskingDns(cluster, "default/none"), BeingScraped(cluster, "edge/app=caller")
    await world.add_pod("db")
    await world.annotate_pod("db", **{"prometheus.io/scrape": "true", "prometheus.io/port": "1"})

    async with allowing(cluster, broken, well) as closer:
        await becomes(world, PROMETHEUS, admitted({}, CALLER, 1))
        assert "404" in closer.last_error
