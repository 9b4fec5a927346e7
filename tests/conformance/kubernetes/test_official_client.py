"""The official Python client reads and writes here as anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client, config, watch

from tests.conformance.kubernetes.calls import pod, policy

SECONDS = 90


@pytest.fixture
async def api(kubeconfig: Path) -> AsyncIterator[client.ApiClient]:
    """Return a client configured by the kubeconfig alone."""
    async with await config.new_client_from_config(config_file=str(kubeconfig)) as api:
        yield api


async def test_pods_are_created_listed_and_deleted(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    made = await core.create_namespaced_pod(namespace, pod())

    listed = await core.list_namespaced_pod(namespace, label_selector="app=pod-a")
    await core.delete_namespaced_pod("pod-a", namespace)
    after = await core.list_namespaced_pod(namespace)

    assert [one.metadata.uid for one in listed.items] == [made.metadata.uid]
    assert after.items == []


async def test_a_pods_status_is_patched(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    await core.create_namespaced_pod(namespace, pod())
    status = {"phase": "Running", "podIP": "10.244.0.5"}

    patched = await core.patch_namespaced_pod_status("pod-a", namespace, {"status": status})

    assert (patched.status.phase, patched.status.pod_ip) == ("Running", "10.244.0.5")
    assert [one.ip for one in patched.status.pod_ips] == ["10.244.0.5"]


async def test_policies_are_applied(api: client.ApiClient, namespace: str) -> None:
    networking = client.NetworkingV1Api(api)

    applied = [
        await networking.patch_namespaced_network_policy(
            "web",
            namespace,
            policy(),
            field_manager="m1",
            force=True,
            _content_type="application/apply-patch+yaml",
        )
        for _ in "ab"
    ]

    first, second = (one.metadata for one in applied)
    assert first.resource_version == second.resource_version
    assert applied[0].spec.pod_selector.match_labels == {"app": "web"}


async def test_a_watch_tells_what_happens(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    listed = await core.list_namespaced_pod(namespace)
    await core.create_namespaced_pod(namespace, pod("a"))
    await core.delete_namespaced_pod("a", namespace)
    seen: list[tuple[str, str]] = []

    async with asyncio.timeout(SECONDS), watch.Watch() as stream:
        async for event in stream.stream(
            core.list_namespaced_pod, namespace, resource_version=listed.metadata.resource_version
        ):
            seen.append((event["type"], event["object"].metadata.name))
            if len(seen) == 3:
                break

    assert seen == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_refusal_carries_its_status(api: client.ApiClient, namespace: str) -> None:
    networking = client.NetworkingV1Api(api)
    body: Any = policy(policyTypes=["Foo"])

    with pytest.raises(client.ApiException) as caught:
        await networking.create_namespaced_network_policy(namespace, body)

    assert caught.value.status == 422
    assert "Unsupported value" in str(caught.value.body)


async def test_a_lease_is_renewed(api: client.ApiClient, namespace: str) -> None:
    coordination = client.CoordinationV1Api(api)
    spec = {"holderIdentity": "a", "renewTime": "2026-01-02T03:04:05.000006Z"}
    body: Any = {"metadata": {"name": "leader"}, "spec": spec}
    lease = await coordination.create_namespaced_lease(namespace, body)

    lease.spec.holder_identity = "b"
    renewed = await coordination.replace_namespaced_lease("leader", namespace, lease)

    assert renewed.spec.holder_identity == "b"
    assert renewed.metadata.resource_version != lease.metadata.resource_version
