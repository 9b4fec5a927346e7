"""Closed pods can still ask the cluster's DNS where that is allowed; the kernel is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import link_of
from deploy.local.packets.probing import Probe, probe_twice
from tests.e2e.acting import Actor, acting, until_true
from tests.e2e.conftest import WORLDS
from tests.integration.packets.crowd import ARRIVED
from tests.real import needs_packets

pytestmark = needs_packets

SYSTEM = "/api/v1/namespaces/kube-system"
PODS = {"pod-a": "10.244.7.1", "pod-b": "10.244.7.2"}
RESOLVER = "10.244.9.53"
PORTS = [
    {"name": "dns", "protocol": "UDP", "containerPort": 1053},
    {"name": "dns-tcp", "protocol": "TCP", "containerPort": 1053},
    {"name": "metrics", "protocol": "TCP", "containerPort": 9153},
]


@pytest.fixture(params=WORLDS)
async def actor(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Actor]:
    monkeypatch.setenv("VEREFLOW_CLUSTER__ISOLATION", "namespace")
    monkeypatch.setenv("VEREFLOW_ALLOWANCES__DNS", "true")
    async with acting(tmp_path, workers=0, packets=True, **request.param) as actor:
        yield actor


async def test_closed_pods_ask_dns_and_nothing_else(actor: Actor) -> None:
    await a_resolver(actor)
    await actor.world.start_workers(1)
    await actor.create_pods(PODS)
    await actor.settled()

    wanted = {
        (RESOLVER, "UDP", 1053): True,
        (RESOLVER, "TCP", 1053): True,
        (RESOLVER, "TCP", 9153): False,
        (PODS["pod-b"], "TCP", 80): False,
    }
    await until_true(lambda: arrives(actor, wanted))
    # And it stays so.
    assert await arrives(actor, wanted)
    status, out = await actor.vereflow("verify")
    assert status == 0, out
    status, out = await actor.vereflow("status")
    assert "allowed beside the rules: vereflow-allow-dns by 1 policies" in out
    status, out = await actor.vereflow("doctor")
    assert "vereflow-allow-dns by 1 policies" in out


async def a_resolver(actor: Actor) -> None:
    """Have what answers in the cluster's own namespace, and the service before it."""
    meta: dict[str, Any] = {
        "name": "coredns",
        "labels": {"k8s-app": "kube-dns"},
        "annotations": {"vereflow.io/pod-ip": RESOLVER},
    }
    containers = [{"name": "main", "image": "coredns", "ports": PORTS}]
    pod = {"metadata": meta, "spec": {"containers": containers}}
    await actor.change("POST", f"{SYSTEM}/pods", pod)
    ports = [
        {"name": "dns", "protocol": "UDP", "port": 53, "targetPort": "dns"},
        {"name": "dns-tcp", "protocol": "TCP", "port": 53, "targetPort": 1053},
        {"name": "metrics", "protocol": "TCP", "port": 9153, "targetPort": "metrics"},
    ]
    spec = {"selector": {"k8s-app": "kube-dns"}, "ports": ports}
    service = {"metadata": {"name": "kube-dns"}, "spec": spec}
    await actor.change("POST", f"{SYSTEM}/services", service)


async def arrives(actor: Actor, wanted: dict[tuple[str, str, int], bool]) -> bool:
    """Tell whether exactly what is wanted arrives from pod-a."""
    link = link_of(actor.world.plan.state_dir / "packets", "default", "pod-a")
    home = Namespace.at(link)
    try:
        probes = [Probe(home, PODS["pod-a"], *flow) for flow in wanted]
        seen = await asyncio.to_thread(probe_twice, probes)
    finally:
        home.close()
    return [each.verdict in ARRIVED for each in seen] == list(wanted.values())
