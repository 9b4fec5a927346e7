"""What every pod may do beside its rules is a policy of its own; unasked for, it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from agents import namespace_closer
from agents.clients.kubernetes import Cluster
from agents.namespace_closer import NamespaceCloser
from tests.integration.kubernetes.world import World, until

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
    monkeypatch.setattr(namespace_closer, "DNS_SECONDS", 0.1)
    monkeypatch.setattr(namespace_closer, "LOOK_SECONDS", 0.1)


@pytest.fixture
async def world(world: World) -> AsyncIterator[World]:
    """A world whose services go with the test."""
    yield world
    await world.delete_service("dns")


@asynccontextmanager
async def allowing(cluster: Cluster, dns: str = "default/dns") -> AsyncIterator[NamespaceCloser]:
    closer = NamespaceCloser(cluster, instance="main", namespaces=["default"], dns=dns)
    task = asyncio.create_task(closer.run())
    try:
        yield closer
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


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
    async with allowing(cluster) as closer:
        await becomes(world, DNS, asking(("TCP", "dns-tcp"), ("UDP", 1053)))
        await until(lambda: not closer.last_error)

    stored = (await world.policies())[DNS]["metadata"]
    assert "DNS" in stored["annotations"]["vereflow.io/reason"]
    assert stored["labels"]["vereflow.io/standing"] == "main"


async def test_another_port_behind_the_service_is_followed(cluster: Cluster, world: World) -> None:
    await world.put_service("dns", {"selector": LABELS, "ports": USUAL[:1]})
    async with allowing(cluster):
        await becomes(world, DNS, asking(("UDP", 1053)))

        moved = [{**USUAL[0], "targetPort": 5353}]
        await world.put_service("dns", {"selector": LABELS, "ports": moved})

        await becomes(world, DNS, asking(("UDP", 5353)))


async def test_what_somebody_edits_or_removes_is_put_back(cluster: Cluster, world: World) -> None:
    await world.put_service("dns", {"selector": LABELS, "ports": USUAL[:1]})
    async with allowing(cluster):
        await becomes(world, DNS, asking(("UDP", 1053)))
        await world.edit_policy(DNS, {"spec": {"egress": [{}]}})
        await becomes(world, DNS, asking(("UDP", 1053)))
        await world.delete_policy(DNS)
        await becomes(world, DNS, asking(("UDP", 1053)))


async def test_an_allowance_that_nobody_asks_for_any_more_goes_and_the_namespace_stays_closed(
    cluster: Cluster, world: World
) -> None:
    await world.put_service("dns", {"selector": LABELS, "ports": USUAL})
    async with allowing(cluster):
        await becomes(world, DNS, asking(("TCP", "dns-tcp"), ("UDP", 1053)))

    async with allowing(cluster, dns=""):
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
    async with allowing(cluster) as closer:
        await until(lambda: why in closer.last_error)
        await until(lambda: "not closed yet" not in closer.last_error)

    assert (await world.policies()).keys() == {CLOSING}


async def test_while_the_service_cannot_be_read_the_allowance_stays(
    cluster: Cluster, world: World
) -> None:
    await world.put_service("dns", {"selector": LABELS, "ports": USUAL[:1]})
    async with allowing(cluster):
        await becomes(world, DNS, asking(("UDP", 1053)))
        await world.delete_service("dns")

        async with allowing(cluster) as another:
            await until(lambda: "404" in another.last_error)
            await until(lambda: "not closed yet" not in another.last_error)

    assert (await world.policies()).keys() == {CLOSING, DNS}
