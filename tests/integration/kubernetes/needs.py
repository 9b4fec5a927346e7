"""What a worker does in a cluster, each so small that it tells which right it lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

from structlog.testing import capture_logs

from agents.allowances import Allowance, AskingDns, BeingCalled, BeingServed
from agents.clients.kubernetes import Cluster
from agents.clients.lease import Leadership
from agents.clients.owners import Owners
from agents.managed_namespaces import ManagedNamespaces
from agents.namespace_closer import NamespaceCloser
from agents.pod_watcher import PodWatcher
from streams.records.policies import Outcome
from tests.controlling import Controller
from tests.integration.kubernetes.policies import manifest, patch
from tests.integration.kubernetes.test_allowances import (
    CONFIGURATIONS,
    INGRESSES,
    WEB,
    ingress,
    webhook,
)
from tests.integration.kubernetes.test_apply_queue import Bench
from tests.integration.kubernetes.test_pod_stamper import stamping, stamps
from tests.integration.kubernetes.watching import PARTITIONS, events
from tests.integration.kubernetes.world import Records, World, running

HOME = "vereflow"
LEASE_SECONDS = 3.0
WITHIN = 60.0
DNS = "/api/v1/namespaces/kube-system/services/kube-dns"
Need = Callable[[Cluster, World], Awaitable[str]]


async def told(trouble: Callable[[], str], done: Callable[[], Awaitable[bool]]) -> str:
    """Return who forbids it, as soon as that is said, or nothing once it is done."""
    async with asyncio.timeout(WITHIN):
        while True:
            if "403 Forbidden" in (said := trouble()):
                return said
            if await done():
                return ""
            await asyncio.sleep(0.01)


async def follow_pods(cluster: Cluster, world: World) -> str:
    """Lead by a lease that is renewed, and hear of pods and Services that come."""
    records, lease = Records(), f"rights-{uuid4().hex}"
    watcher = PodWatcher(
        cluster,
        Leadership(cluster, namespace=HOME, name=lease, holder="one", seconds=LEASE_SECONDS),
        records.emit,
        cluster_name="local",
        managed=ManagedNamespaces(["default"]),
        partitions=PARTITIONS,
        epoch=1,
    )
    written: set[str] = set()

    async def well() -> bool:
        heard = {send.key.rpartition("/")[2] for send in records.sent}
        if not {"early", "service:early"} <= heard:
            return False
        if not {"late", "service:late"} <= heard and not written:
            await world.add_pod("late", "10.1.0.2")
            await world.put_service("late", WEB)
        written.add((await world.lease(lease, HOME))["metadata"]["resourceVersion"])
        return {"late", "service:late"} <= heard and len(written) > 1

    await world.add_pod("early", "10.1.0.1")
    await world.put_service("early", WEB)
    try:
        async with running(watcher.run()):
            return await told(lambda: watcher.last_error, well)
    finally:
        for name in ("early", "late"):
            await world.delete_service(name)


async def look_at_owners(cluster: Cluster, world: World) -> str:
    """Say whose the pods of every kind are, and what they select."""
    records, lease = Records(), f"rights-{uuid4().hex}"
    watcher = PodWatcher(
        cluster,
        Leadership(cluster, namespace=HOME, name=lease, holder="one", seconds=LEASE_SECONDS),
        records.emit,
        cluster_name="local",
        managed=ManagedNamespaces(["default"]),
        partitions=PARTITIONS,
        epoch=1,
        workloads=Owners(cluster),
    )

    async def well() -> bool:
        return {
            (event.workload.kind, tuple(event.workload.selector or ()))
            for event in events(records)
            if event.workload
        } == {
            ("Deployment", ("app",)),
            ("StatefulSet", ("app",)),
            ("DaemonSet", ("app",)),
            ("CronJob", ()),
        }

    async with world.server.client() as http:
        controller = Controller(http)
        try:
            await controller.deploy("web", 1)
            await controller.have_stateful_set("db", 1)
            await controller.have_daemon_set("agent", 1)
            await controller.run_job("tidy-1", await controller.have_cron_job("tidy"))
            async with running(watcher.run()):
                return await told(lambda: "; ".join([watcher.last_error, *watcher.unread]), well)
        finally:
            await controller.clear()


async def write_policies(cluster: Cluster, world: World) -> str:
    """Create, change and delete; look at somebody else's; take back what somebody else set."""
    bench = Bench(cluster)
    await world.add_policy(manifest("theirs", instance="another"))
    for number, name in enumerate(("a", "b", "theirs"), 4):
        await world.add_pod(name, f"10.1.0.{number}")
        bench.want(patch(name))

    def trouble() -> str:
        # An event that is not written is said in the log alone.
        said = [str(each.get("error")) for each in logs]
        return "; ".join([bench.queue.last_error, *said, *(each.reason for each in bench.outcomes)])

    async def begun() -> bool:
        return [bench.last.get(f"local/default/{name}") for name in ("a", "b", "theirs")] == [
            Outcome.APPLIED,
            Outcome.APPLIED,
            Outcome.FOREIGN,
        ]

    async def well() -> bool:
        stored, events = await world.policies(), await world.events()
        taken = "FieldsTakenBack" in {each["reason"] for each in events}
        return taken and "b" not in stored and stored["a"]["spec"] == manifest("a")["spec"]

    with capture_logs() as logs:
        async with running(bench.queue.run()):
            bench.queue.reassigned()
            if said := await told(trouble, begun):
                return said
            await world.apply_policy(manifest("a", port=22), "another")
            await world.delete_pod("b")
            bench.want(patch("b", offset=2, gone=True))
            return await told(trouble, well)


async def label_pods(cluster: Cluster, world: World) -> str:
    """Give a label to a pod that its own do not pick out."""
    await world.add_pod("nameless", "10.1.0.3", labels={})
    async with stamping(cluster) as stamper:

        async def well() -> bool:
            return (await stamps(world))["nameless"] == "own"

        return await told(lambda: stamper.last_error, well)


async def follow_namespaces(cluster: Cluster, world: World) -> str:
    """See which namespaces bear a label, and one that comes to bear it."""
    label = f"t{uuid4().hex}"
    for name in ("shop", "late"):
        await world.add_namespace(name)
    await world.label_namespace("shop", team=label)
    managed = ManagedNamespaces((), cluster=cluster, selector=f"team={label}")

    async def well() -> bool:
        if managed.now == {"shop"}:
            await world.label_namespace("late", team=label)
        return managed.now == {"shop", "late"}

    try:
        async with running(managed.run()):
            return await told(lambda: managed.last_error, well)
    finally:
        for name in ("shop", "late"):
            await world.label_namespace(name, team=None)


async def allow_dns(cluster: Cluster, world: World) -> str:
    """Find the pods behind the cluster's DNS."""
    ports = [{"name": "dns", "protocol": "UDP", "port": 53}]
    meta = {"name": "kube-dns", "namespace": "kube-system"}
    spec = {"selector": {"k8s-app": "kube-dns"}, "ports": ports}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
    async with AsyncExitStack() as stack:
        await put(stack, world, DNS, body)
        return await allow(cluster, AskingDns(cluster, "kube-system/kube-dns"))


async def allow_ingresses(cluster: Cluster, world: World) -> str:
    """Find the pods that Ingresses send to."""
    async with AsyncExitStack() as stack:
        await world.put_service("dns", WEB)
        stack.push_async_callback(world.delete_service, "dns")
        await put(stack, world, f"{INGRESSES}/shop", ingress("dns"))
        return await allow(cluster, BeingServed(cluster, "edge/app=caller"))


async def allow_webhooks(cluster: Cluster, world: World) -> str:
    """Find the pods that the API server calls."""
    async with AsyncExitStack() as stack:
        await put(stack, world, f"{CONFIGURATIONS}/vereflow-test", webhook("dns"))
        return await allow(cluster, BeingCalled(cluster, ["172.18.0.0/28"]))


async def put(stack: AsyncExitStack, world: World, path: str, body: dict[str, object]) -> None:
    """Have an object until the stack ends."""
    await world.put(path, body)
    stack.push_async_callback(world.delete, path)


async def allow(cluster: Cluster, allowance: Allowance) -> str:
    """Have something allowed beside what is closed."""
    managed = ManagedNamespaces(["default"])
    closer = NamespaceCloser(cluster, instance="main", managed=managed, allowances=[allowance])

    async def well() -> bool:
        return not closer.last_error

    async with running(closer.run()):
        return await told(lambda: closer.last_error, well)
