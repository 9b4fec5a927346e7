"""Watchers of one cluster over real sockets: what they say, in which frame, after which break."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from agents.clients.api_server import ApiServer, credentials
from agents.clients.kubernetes import Cluster
from streams.flow.output import DEAD_LETTERS, Send
from streams.records.marks import MarkKind
from streams.records.policies import DeadLetter
from tests.integration.kubernetes.servers import ON_THE_EMBEDDED_ONE, Embedded, Server
from tests.integration.kubernetes.watching import (
    PARTITIONS,
    complete,
    events,
    listings,
    marks,
    names,
    watching,
)
from tests.integration.kubernetes.world import Proxy, Records, World, until


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


@ON_THE_EMBEDDED_ONE
async def test_what_was_in_a_leaders_way_is_forgotten_with_its_lease(
    cluster: Cluster, proxied: Cluster, proxy: Proxy
) -> None:
    async def no_pods(request: web.Request, go_on: Any) -> Any:
        return web.Response(status=403) if "/pods" in request.path else await go_on()

    async def nothing(request: web.Request, go_on: Any) -> Any:
        return web.Response(status=503)

    proxy.fault = no_pods
    async with watching(proxied, Records()) as first:
        await until(lambda: "403" in first.last_error)
        proxy.fault = nothing
        async with watching(cluster, Records(), "two") as second:
            await until(lambda: second.leading)
            proxy.fault = no_pods

            await until(lambda: not first.last_error)
            assert not first.leading
