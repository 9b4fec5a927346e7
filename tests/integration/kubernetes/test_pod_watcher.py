"""Watchers of one cluster over real sockets: what they say, in which frame, after which break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from agents.clients.api_server import ApiServer, credentials
from agents.clients.kubernetes import Cluster
from agents.clients.lease import Leadership
from agents.managed_namespaces import ManagedNamespaces
from agents.pod_watcher import PodWatcher
from streams.flow.output import DEAD_LETTERS, POD_EVENTS, Send
from streams.records.marks import Mark, MarkKind
from streams.records.pods import PodEvent
from streams.records.policies import DeadLetter
from tests.integration.kubernetes.servers import ON_THE_EMBEDDED_ONE, Embedded, Server
from tests.integration.kubernetes.world import Proxy, Records, World, until

PARTITIONS = 3
Run = Callable[..., Any]


@asynccontextmanager
async def watching(cluster: Cluster, records: Records, holder: str = "one", **more: Any) -> Any:
    leadership = Leadership(
        cluster, namespace="default", name="vereflow-local-pods", holder=holder, seconds=4.0
    )
    told = {"relist_seconds": 0.05} | more
    told["managed"] = told.pop("managed", ManagedNamespaces(told.pop("namespaces", ("default",))))
    emit = told.pop("emit", records.emit)
    watcher = PodWatcher(
        cluster, leadership, emit, cluster_name="local", partitions=PARTITIONS, epoch=4, **told
    )
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def events(records: Records) -> list[PodEvent]:
    found = [send.value for send in records.sent if send.topic == POD_EVENTS]
    told = [event for event in found if isinstance(event, PodEvent) and event.mark is None]
    # A real server has a Service of its own in the namespace of the tests.
    return [event for event in told if event.service is None]


def marks(records: Records, kind: MarkKind | None = None) -> list[tuple[Mark, Send]]:
    found = [
        (send.value.mark, send)
        for send in records.sent
        if isinstance(send.value, PodEvent) and send.value.mark is not None
    ]
    return [(mark, send) for mark, send in found if kind in (None, mark.kind)]


def listings(records: Records) -> int:
    return len({mark.id for mark, _ in marks(records, MarkKind.LIST_COMPLETE)})


def complete(records: Records, times: int = 1) -> bool:
    return len(marks(records, MarkKind.LIST_COMPLETE)) >= times * PARTITIONS


def names(records: Records) -> list[str]:
    return [f"{event.event} {event.pod_name}" for event in events(records)]


async def test_a_listing_is_framed_in_every_partition(cluster: Cluster, world: World) -> None:
    records = Records()
    await world.add_pod("pod-a", "10.1.0.1")
    await world.add_pod("pod-b", "10.1.0.2")

    async with watching(cluster, records):
        await until(lambda: complete(records))

    sent = [send for send in records.sent if "service:" not in send.key]
    kinds = [send.value.mark.kind if send.value.mark else "pod" for send in sent]  # type: ignore[attr-defined]
    assert kinds == (
        [MarkKind.LIST_STARTED] * PARTITIONS
        + ["pod", "pod"]
        + [MarkKind.LIST_COMPLETE] * PARTITIONS
    )
    for kind in (MarkKind.LIST_STARTED, MarkKind.LIST_COMPLETE):
        assert [send.partition for _, send in marks(records, kind)] == list(range(PARTITIONS))
    said = [mark for mark, _ in marks(records)]
    assert {(mark.cluster, mark.epoch, mark.id) for mark in said} == {("local", 4, said[0].id)}
    assert {mark.started for mark in said} == {said[0].stamp}
    orders = [event.stamp.order for event in events(records) if event.stamp]
    assert said[0].started is not None
    assert said[-1].stamp is not None
    assert said[0].started.order < min(orders)
    assert max(orders) < said[-1].stamp.order
    assert [send.key for send in sent[PARTITIONS:][:2]] == [
        "local/default/pod-a",
        "local/default/pod-b",
    ]


async def test_the_life_of_a_pod_is_told_without_what_we_do_not_carry(
    cluster: Cluster, world: World
) -> None:
    records = Records()

    async with watching(cluster, records):
        await until(lambda: complete(records))
        await world.add_pod("pod-a")
        await world.set_status("pod-a", {"phase": "Running", "podIP": "10.1.0.1"})
        await world.annotate_pod("pod-a", noise="1")
        await world.annotate_pod("pod-a", noise="2")
        await world.label_pod("pod-a", tier="front")
        await world.delete_pod("pod-a")
        await until(lambda: "DELETED pod-a" in names(records))

    assert names(records) == [
        "ADDED pod-a",
        "MODIFIED pod-a",
        "MODIFIED pod-a",
        # On its way out it is there for a moment longer.
        "MODIFIED pod-a",
        "DELETED pod-a",
    ]
    assert [event.pod_ip for event in events(records)] == [None, *["10.1.0.1"] * 4]
    orders = [event.stamp.order for event in events(records) if event.stamp]
    assert orders == sorted(set(orders))


@pytest.mark.fault("F06")
async def test_a_server_that_lags_behind_deletes_nothing(
    proxied: Cluster, proxy: Proxy, world: World
) -> None:
    records = Records()
    await world.add_pod("pod-a", "10.1.0.1")
    old = await world.listed_pods()
    await world.add_pod("pod-b", "10.1.0.2")
    lagging = Lagging(old)
    proxy.fault = lagging

    async with watching(proxied, records):
        await until(lambda: complete(records))
        assert {"ADDED pod-a", "ADDED pod-b"} <= set(named(records))
        await until(lambda: lagging.refused >= 2)
        proxy.fault = None
        await world.delete_pod("pod-a")
        await until(lambda: "DELETED pod-a" in names(records))

    assert "DELETED pod-b" not in names(records)


def named(records: Records) -> list[str]:
    """Return what was told up to the end of the first listing: what is not there is gone."""
    _, end = marks(records, MarkKind.LIST_COMPLETE)[0]
    listing = Records()
    listing.sent = records.sent[: records.sent.index(end)]
    return names(listing)


class Lagging:
    """A server behind another: what may be old is old here, and newer places are unknown."""

    def __init__(self, old: dict[str, Any]) -> None:
        self.refused = 0
        self._old = old

    async def __call__(self, request: web.Request, go_on: Callable[[], Any]) -> Any:
        asked = request.query
        if request.method != "GET" or not request.path.endswith("/pods"):
            return await go_on()
        known = self._old["metadata"]["resourceVersion"]
        if asked.get("watch") and asked["resourceVersion"] != known:
            self.refused += 1
            told = {"code": 504, "reason": "Timeout", "message": "Too large resource version"}
            return web.json_response({"kind": "Status", **told}, status=504)
        if not asked.get("watch") and "resourceVersion" in asked:
            return web.json_response(self._old)
        return await go_on()


@ON_THE_EMBEDDED_ONE
@pytest.mark.fault("F02", "F03")
async def test_a_place_too_old_is_listed_again_once(
    cluster: Cluster, server: Embedded, world: World
) -> None:
    records = Records()
    await world.add_pod("pod-a", "10.1.0.1")

    async with watching(cluster, records, relist_seconds=0.3):
        await until(lambda: complete(records))
        await server.stop()
        server.age()
        await server.start()
        await world.delete_pod("pod-a")
        await world.add_pod("pod-b", "10.1.0.2")
        await until(lambda: "ADDED pod-b" in names(records) and complete(records, 2))
        await asyncio.sleep(0.5)

    # Nobody says that pod-a is gone: the second frame says it by not naming it.
    assert names(records) == ["ADDED pod-a", "ADDED pod-b"]
    assert listings(records) == 2


@pytest.mark.fault("F03")
async def test_a_place_lost_for_ever_is_no_storm_of_listings(
    proxied: Cluster, proxy: Proxy
) -> None:
    records = Records()

    async def gone(request: web.Request, go_on: Any) -> Any:
        if "watch=1" not in request.path_qs:
            return await go_on()
        told = {"code": 410, "reason": "Expired", "message": "too old resource version"}
        return web.Response(text=json.dumps({"type": "ERROR", "object": told}) + "\n")

    proxy.fault = gone
    async with watching(proxied, records, relist_seconds=0.5):
        await until(lambda: complete(records))
        before = listings(records)
        await until(lambda: listings(records) > before)
        await asyncio.sleep(1.0)

    # Two a second: without a pause it would be hundreds.
    assert listings(records) - before <= 10


@ON_THE_EMBEDDED_ONE
async def test_a_broken_watch_is_resumed_without_a_listing(
    cluster: Cluster, server: Embedded, world: World
) -> None:
    records = Records()

    async with watching(cluster, records):
        await until(lambda: complete(records))
        for number in range(5):
            server.close_watches()
            await world.add_pod(f"pod-{number}", f"10.1.0.{number + 1}")
        await until(
            lambda: (
                {e.pod_name for e in events(records) if e.pod_ip} >= {f"pod-{n}" for n in range(5)}
            )
        )

    assert listings(records) == 1


async def test_a_cluster_in_which_nothing_happens_is_no_trouble(
    server: Server, world: World, tmp_path: Path
) -> None:
    records = Records()
    config = server.kubeconfig(tmp_path / "quiet")
    cluster = Cluster(ApiServer(credentials(config, None)), silence=7.5)

    with capture_logs() as said:
        async with watching(cluster, records, relist_seconds=60.0) as watcher:
            await until(lambda: complete(records))
            await asyncio.sleep(9.0)
            assert not watcher.last_error
            await world.add_pod("pod-a", "10.1.0.1")
            await until(lambda: "ADDED pod-a" in names(records))
    await cluster.close()

    assert [each for each in said if each["log_level"] == "warning"] == []
    assert listings(records) == 1


@pytest.mark.fault("F09")
async def test_an_outage_is_said_and_survived(
    cluster: Cluster, server: Server, world: World
) -> None:
    records = Records()

    async with watching(cluster, records) as watcher:
        await until(lambda: complete(records))
        await server.stop()
        await until(lambda: watcher.last_error)
        await server.start()
        await world.add_pod("pod-a", "10.1.0.1")
        await until(lambda: "ADDED pod-a" in names(records))
        await until(lambda: not watcher.last_error)


async def test_a_barrier_follows_everything_said_before_it(cluster: Cluster, world: World) -> None:
    records = Records()

    async with watching(cluster, records, relist_seconds=60.0) as watcher:
        await until(lambda: complete(records))
        await world.add_pod("pod-a", "10.1.0.1")
        watcher.request_barrier("b1")
        watcher.request_barrier("b1")
        await until(lambda: marks(records, MarkKind.BARRIER))
        await until(lambda: len(marks(records, MarkKind.BARRIER)) == PARTITIONS)
        watcher.request_barrier("b1")
        await asyncio.sleep(0.2)

    said = marks(records, MarkKind.BARRIER)
    assert [send.partition for _, send in said] == list(range(PARTITIONS))
    assert [mark.partition for mark, _ in said] == list(range(PARTITIONS))
    assert {(mark.id, mark.epoch, mark.cluster) for mark, _ in said} == {("b1", 4, "local")}
    assert names(records)[-1] == "ADDED pod-a"
    assert records.sent.index(said[0][1]) == len(records.sent) - PARTITIONS
    assert listings(records) == 2


async def test_a_barrier_asked_of_a_follower_is_answered_by_whoever_leads(
    cluster: Cluster,
) -> None:
    records = Records()

    async with watching(cluster, records, "one") as one, watching(cluster, records, "two") as two:
        await until(lambda: complete(records))
        assert one.leading != two.leading
        for watcher in (one, two):
            watcher.request_barrier("b")
        await until(lambda: marks(records, MarkKind.BARRIER))
        await asyncio.sleep(0.2)

        assert len(marks(records, MarkKind.BARRIER)) == PARTITIONS


@pytest.mark.fault("F08")
async def test_the_next_leader_has_larger_stamps(cluster: Cluster, world: World) -> None:
    records = Records()
    await world.add_pod("pod-a", "10.1.0.1")

    async with watching(cluster, records, "one"):
        await until(lambda: complete(records))
        async with asyncio.TaskGroup() as group:
            second = group.create_task(_second(cluster, records))
            await asyncio.sleep(0.3)
            assert listings(records) == 1
            # The first is ended by leaving this block.
            second.cancel()
    async with watching(cluster, records, "two"):
        await until(lambda: complete(records, 2))

    orders = [event.stamp.order for event in events(records) if event.stamp]
    assert orders == sorted(orders)
    assert len({lease for lease, _ in orders}) == 2


async def _second(cluster: Cluster, records: Records) -> None:
    async with watching(cluster, records, "two"):
        await asyncio.Event().wait()


async def test_a_pod_no_record_can_express_is_one_dead_letter(
    cluster: Cluster, world: World
) -> None:
    records = Records()
    await world.add_pod("pod-a", "10.1.0.1")
    await world.add_pod("odd", "127.0.0.1")

    async with watching(cluster, records):
        await until(lambda: complete(records))

    (letter,) = [send for send in records.sent if send.topic == DEAD_LETTERS]
    assert letter.key.startswith("kubernetes/default/odd/")
    assert isinstance(letter.value, DeadLetter)
    assert letter.value.reason == "bad-pod"
    assert names(records) == ["ADDED pod-a"]


async def test_several_namespaces_make_one_listing(cluster: Cluster, world: World) -> None:
    records = Records()
    await world.add_namespace("shop")
    await world.add_pod("pod-a", "10.1.0.1")
    await world.add_pod("pod-a", "10.1.0.2", "shop")
    await world.add_pod("pod-a", "10.1.0.3", "kube-system")

    async with watching(cluster, records, namespaces=("default", "shop")):
        await until(lambda: complete(records))
        await world.add_pod("pod-b", "10.1.0.4", "shop")
        await until(lambda: len(events(records)) >= 3)

    assert [event.namespace for event in events(records)][:3] == ["default", "shop", "shop"]
    assert listings(records) == 1


@pytest.mark.parametrize("idle", [True, False])
@pytest.mark.fault("F11")
async def test_a_broker_that_failed_is_told_everything_again(
    cluster: Cluster, world: World, idle: bool
) -> None:
    records = Records()
    broken = False

    async def emit(output: Send) -> None:
        if broken:
            raise ConnectionError("no broker")
        await records.emit(output)

    async with watching(cluster, records, emit=emit) as watcher:
        await until(lambda: complete(records))
        broken = True
        await world.add_pod("pod-a", "10.1.0.1")
        if not idle:
            await world.add_pod("pod-b", "10.1.0.2")
        await until(lambda: watcher.last_error)
        broken = False
        await until(lambda: complete(records, 2))

    assert "ADDED pod-a" in names(records)


@pytest.mark.fault("F55")
async def test_whom_the_broker_does_not_answer_leaves_the_lease_to_another(
    cluster: Cluster, world: World
) -> None:
    records = Records()

    async def emit(output: Send) -> None:
        await asyncio.Event().wait()

    async with watching(cluster, Records(), "cut", emit=emit, emit_seconds=0.5) as cut:
        await until(lambda: cut.leading)
        async with watching(cluster, records, "other") as other:
            await world.add_pod("pod-a", "10.1.0.1")
            await until(lambda: "ADDED pod-a" in names(records))

            assert other.leading
            assert not cut.leading
            assert "no acknowledgement within 0.5 s" in cut.last_error


@pytest.mark.fault("F10")
async def test_refused_access_is_said_and_not_a_storm(proxied: Cluster, proxy: Proxy) -> None:
    records = Records()

    async def forbid(request: web.Request, go_on: Any) -> Any:
        if "/pods" not in request.path:
            return await go_on()
        return web.json_response({"reason": "Forbidden", "message": "no"}, status=403)

    proxy.fault = forbid
    async with watching(proxied, records) as watcher:
        await until(lambda: watcher.last_error)
        await asyncio.sleep(1.0)

        assert "403" in watcher.last_error
        assert 1 <= len([path for _, path in proxy.requests if "/pods" in path]) <= 6
