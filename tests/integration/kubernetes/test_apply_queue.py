"""The queue against a server over real sockets: what it writes, what it leaves, what it reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from agents import policy_writer, stored_policies
from agents.apply_queue import ApplyQueue
from agents.clients.kubernetes import Cluster
from agents.managed_namespaces import ManagedNamespaces
from agents.ownership import partition_of
from streams.flow.output import PATCH_OUTCOMES
from streams.records.marks import Mark, MarkKind
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch
from tests.integration.kubernetes.policies import isolated, manifest, patch
from tests.integration.kubernetes.servers import ON_THE_EMBEDDED_ONE, Embedded, Server
from tests.integration.kubernetes.world import Proxy, Records, World, until

PARTITIONS = 4
ALL = frozenset(range(PARTITIONS))


class Bench:
    """A queue with the table it reads, and what it sent."""

    def __init__(self, cluster: Cluster, **more: Any) -> None:
        self.rows: dict[int, dict[str, PolicyPatch]] = {each: {} for each in ALL}
        self.owned = ALL
        self.records = Records()
        told = {"graphs": ("main",), "concurrency": 4} | more
        names = told.pop("namespaces", ("default",))
        told["managed"] = told.pop("managed", ManagedNamespaces(names))
        self.queue = ApplyQueue(
            cluster,
            self.records.emit,
            instance="main",
            cluster_name="local",
            partitions=PARTITIONS,
            wanted=lambda partition: self.rows[partition],
            owned=lambda: self.owned,
            **told,
        )

    def want(self, *patches: PolicyPatch) -> None:
        for each in patches:
            partition = partition_of(each.key, PARTITIONS)
            self.rows[partition][each.key] = each
            self.queue.put(partition, each.key)

    def everybody_spoke(self, graph: str = "main", epoch: int = 0) -> None:
        for partition in ALL:
            mark = Mark(kind=MarkKind.SYNCED, id="l", graph=graph, epoch=epoch)
            self.queue.mark(partition, mark)

    def bar(self, partition: int, id: str = "b") -> None:
        self.queue.mark(partition, Mark(kind=MarkKind.BARRIER, id=id))

    @property
    def outcomes(self) -> list[PatchOutcome]:
        found = [send.value for send in self.records.sent if send.topic == PATCH_OUTCOMES]
        return [each for each in found if isinstance(each, PatchOutcome) and each.mark is None]

    @property
    def last(self) -> dict[str, Outcome]:
        return {each.key: each.outcome for each in self.outcomes}

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(each.key.split("/")[-1], str(each.outcome)) for each in self.outcomes]

    @property
    def barriers(self) -> list[int | None]:
        sent = [send for send in self.records.sent if isinstance(send.value, PatchOutcome)]
        return [send.partition for send in sent if send.value.mark]  # type: ignore[attr-defined]

    async def settled(self, seconds: float = 60.0) -> None:
        await until(lambda: self.queue.pending == 0, seconds)


@asynccontextmanager
async def working(
    cluster: Cluster, *patches: PolicyPatch, within: float = 60.0, **more: Any
) -> AsyncIterator[Bench]:
    bench = Bench(cluster, **more)
    for each in patches:
        bench.rows[partition_of(each.key, PARTITIONS)][each.key] = each
    task = asyncio.create_task(bench.queue.run())
    bench.queue.reassigned()
    try:
        await until(lambda: bench.queue._stored.listed.is_set() and bench.queue._loaded)
        await bench.settled(within)
        yield bench
    finally:
        task.cancel()
        ended = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError), ended


def writes(server: Server) -> list[tuple[str, str, int]]:
    found = server.writes("networkpolicies")
    return [(write.method, write.name, write.status) for write in found]


@pytest.fixture
async def pods(world: World) -> None:
    for number, name in enumerate("abc", 1):
        await world.add_pod(name, f"10.1.0.{number}")


@pytest.mark.usefixtures("pods")
async def test_what_is_wanted_is_created_changed_and_removed(
    cluster: Cluster, world: World, server: Server
) -> None:
    async with working(cluster) as bench:
        bench.want(patch("a"), patch("b"))
        await bench.settled()
        bench.want(patch("a", port=80, offset=2))
        await bench.settled()
        await world.delete_pod("b")
        bench.want(patch("b", offset=2, gone=True))
        await bench.settled()

        stored = await world.policies()
        assert stored["a"]["spec"] == manifest("a", port=80)["spec"]
        assert stored["a"]["metadata"]["annotations"]["vereflow.io/revision"] == "1.0.2"
        assert list(stored) == ["a"]
        assert writes(server)[-2:] == [("PATCH", "a", 200), ("DELETE", "b", 200)]
        assert len(writes(server)) == 4
        assert sorted(bench.said[:2]) == [("a", "APPLIED"), ("b", "APPLIED")]
        assert bench.said[2:] == [("a", "APPLIED"), ("b", "DELETED")]


@pytest.mark.usefixtures("pods")
async def test_an_unchanged_world_and_a_restart_write_nothing(
    cluster: Cluster, server: Server
) -> None:
    wanted = [patch("a"), patch("b", port=80), patch("c", port=443)]
    async with working(cluster, *wanted) as bench:
        before = len(writes(server))

        bench.queue.reassigned()
        bench.want(*wanted)
        await asyncio.sleep(0.1)
        await bench.settled()
        assert len(bench.said) == 3

    async with working(cluster, *wanted) as bench:
        bench.everybody_spoke()
        await bench.settled()

        assert len(writes(server)) == before == 3
        assert sorted(bench.said) == [(name, "UNCHANGED") for name in "abc"]


@pytest.mark.usefixtures("pods")
async def test_nothing_is_written_before_our_policies_were_listed(
    proxied: Cluster, proxy: Proxy, server: Server
) -> None:
    listed = asyncio.Event()

    async def hold(request: web.Request, go_on: Any) -> Any:
        if request.method == "GET" and "labelSelector" in request.path_qs:
            await listed.wait()
        return await go_on()

    proxy.fault = hold
    bench = Bench(proxied)
    bench.want(patch("a"))
    task = asyncio.create_task(bench.queue.run())
    await asyncio.sleep(0.3)

    assert writes(server) == []
    listed.set()
    await bench.settled()

    assert writes(server) == [("POST", "", 201)]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.usefixtures("pods")
@pytest.mark.parametrize("instance", ["other", None])
@pytest.mark.row("R15")
async def test_what_is_not_ours_is_left_as_it_is(
    cluster: Cluster, world: World, server: Server, instance: str | None
) -> None:
    theirs = manifest("a", port=22, instance=str(instance))
    if instance is None:
        theirs["metadata"]["labels"] = {}
    before = await world.add_policy(theirs)

    async with working(cluster) as bench:
        bench.want(patch("a"))
        await bench.settled()
        bench.want(patch("a", port=80, offset=2))
        bench.queue.reassigned()
        await asyncio.sleep(0.1)
        await bench.settled()
        bench.everybody_spoke()
        await bench.settled()
        await world.delete_pod("a")
        bench.want(patch("a", offset=3, gone=True))
        await bench.settled()

        assert await world.policy("a") == before
        # The first create is refused; after that we look before we write.
        assert writes(server)[1:] == [("POST", "", 409)]
        assert bench.said == [("a", "FOREIGN"), ("a", "FOREIGN"), ("a", "DELETED")]


@pytest.mark.usefixtures("pods")
@pytest.mark.fault("F49")
async def test_an_older_revision_overwrites_nothing(
    cluster: Cluster, world: World, server: Server
) -> None:
    before = await world.add_policy(manifest("a", port=80, offset=7))

    async with working(cluster) as bench:
        bench.want(patch("a", offset=6))
        await bench.settled()
        bench.want(patch("a", offset=6, gone=True))
        await bench.settled()

        assert await world.policy("a") == before
        assert bench.said == [("a", "SUPERSEDED")]


@pytest.mark.threat("T2")
async def test_the_policy_of_a_living_pod_is_closed_and_not_deleted(
    cluster: Cluster, world: World, server: Server
) -> None:
    await world.add_pod("a", "10.1.0.1")

    async with working(cluster, patch("a", port=80)) as bench:
        bench.want(patch("a", offset=2, gone=True))
        await bench.settled()
        assert (await world.policy("a"))["spec"] == isolated("a")

        await world.delete_pod("a")
        bench.want(patch("a", offset=2, gone=True))
        await bench.settled()

        assert await world.policies() == {}
        assert [method for method, _, _ in writes(server)] == ["POST", "PATCH", "DELETE"]


@pytest.mark.usefixtures("pods")
@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.fault("F47")
async def test_what_others_changed_is_taken_back_with_an_event(
    cluster: Cluster, world: World, concurrent: bool
) -> None:
    async with working(cluster, patch("a", port=80)) as bench:
        await world.edit_policy("a", {"spec": {"ingress": [{}]}})
        if concurrent:
            bench.want(patch("a", port=80))

        await world.becomes({"a": manifest("a", port=80)["spec"]})
        await bench.settled()
        (event,) = await world.events()
        assert (event["reason"], event["involvedObject"]["name"]) == ("FieldsTakenBack", "a")


@pytest.mark.usefixtures("pods")
@pytest.mark.fault("F43")
async def test_what_others_add_beside_our_fields_stays(
    cluster: Cluster, world: World, server: Server
) -> None:
    async with working(cluster, patch("a")) as bench:
        await world.edit_policy("a", {"metadata": {"annotations": {"theirs": "1"}}})
        await asyncio.sleep(0.1)
        bench.want(patch("a", port=80, offset=2))
        await bench.settled()

        stored = await world.policy("a")
        assert stored["metadata"]["annotations"]["theirs"] == "1"
        assert stored["spec"] == manifest("a", port=80)["spec"]


@pytest.mark.usefixtures("pods")
@pytest.mark.fault("F47")
async def test_what_others_deleted_is_there_again(cluster: Cluster, world: World) -> None:
    async with working(cluster, patch("a"), patch("b")):
        await world.delete_policy("a")

        await world.becomes({name: manifest(name)["spec"] for name in "ab"})


@pytest.mark.usefixtures("pods")
async def test_what_a_late_writer_left_is_corrected(cluster: Cluster, world: World) -> None:
    async with working(cluster, patch("a", port=80, offset=9)) as bench:
        await world.apply_policy(manifest("a", port=22, offset=3), "vereflow")

        await world.becomes({"a": manifest("a", port=80)["spec"]})
        await bench.settled()
        stored = await world.policy("a")
        assert stored["metadata"]["annotations"]["vereflow.io/revision"] == "1.0.9"
        assert stored["spec"] == manifest("a", port=80)["spec"]


@pytest.mark.fault("F48")
async def test_a_revocation_goes_before_every_grant(
    proxied: Cluster, proxy: Proxy, world: World
) -> None:
    names = [f"p{number}" for number in range(12)]
    for number, name in enumerate(names):
        await world.add_pod(name, f"10.1.0.{number + 1}")
    closed = [patch(name) for name in names[:-1]]
    opened = patch(names[-1], port=80)
    order: list[str] = []

    async def watch_writes(request: web.Request, go_on: Any) -> Any:
        if request.method == "PATCH":
            order.append(request.path.split("/")[-1])
        return await go_on()

    async with working(proxied, *closed, opened, concurrency=1) as bench:
        proxy.fault = watch_writes
        bench.want(*(patch(name, port=80, offset=2) for name in names[:-1]))
        bench.want(patch(names[-1], offset=2))
        await bench.settled()

    assert len(order) == len(names)
    # One grant may have been in hand already.
    assert names[-1] in order[:2]


@pytest.mark.count("C7")
@pytest.mark.usefixtures("pods")
async def test_a_backlog_of_patches_is_one_write_for_each_policy(
    cluster: Cluster, world: World, server: Server
) -> None:
    async with working(cluster) as bench:
        for offset in range(1, 51):
            bench.want(*(patch(name, port=offset, offset=offset) for name in "abc"))
        await bench.settled()

        assert writes(server) == [("POST", "", 201)] * 3
        stored = {name: each["spec"] for name, each in (await world.policies()).items()}
        assert stored == {name: manifest(name, port=50)["spec"] for name in "abc"}


@pytest.mark.count("C5", "C7")
async def test_only_the_latest_of_many_patches_is_written(
    proxied: Cluster, proxy: Proxy, world: World, server: Server
) -> None:
    await world.add_pod("a", "10.1.0.1")

    held, all_wanted = asyncio.Event(), asyncio.Event()

    async def hold(request: web.Request, go_on: Any) -> Any:
        if request.method == "PATCH":
            held.set()
            await all_wanted.wait()
        return await go_on()

    async with working(proxied, patch("a")) as bench:
        proxy.fault = hold
        bench.want(patch("a", port=2, offset=2))
        await held.wait()
        for offset in range(3, 50):
            bench.want(patch("a", port=offset, offset=offset))
            await asyncio.sleep(0)
        all_wanted.set()
        await bench.settled()

        assert (await world.policy("a"))["spec"] == manifest("a", port=49)["spec"]
        assert [method for method, _, _ in writes(server)] == ["POST", "PATCH", "PATCH"]
        assert bench.outcomes[-1].revision.offset == 49


async def test_an_orphan_goes_when_everybody_has_spoken(
    cluster: Cluster, world: World, server: Server
) -> None:
    await world.add_pod("lives", "10.1.0.1")
    await world.add_pod("kept", "10.1.0.2")
    for name in ("dead", "lives", "kept"):
        await world.add_policy(manifest(name, port=80))
    await world.add_policy(manifest("theirs", instance="other"))

    async with working(cluster, patch("kept", port=80), graphs=("main", "second")) as bench:
        bench.everybody_spoke("main")
        await bench.settled()
        assert set(await world.policies()) == {"dead", "lives", "kept", "theirs"}

        bench.everybody_spoke("second")
        await bench.settled()

        stored = await world.policies()
        assert set(stored) == {"lives", "kept", "theirs"}
        assert stored["lives"]["spec"] == isolated("lives")
        count = len(writes(server))
        bench.everybody_spoke("second")
        await bench.settled()
        assert len(writes(server)) == count
        assert sorted(bench.said)[0] == ("dead", "DELETED")


async def test_who_spoke_in_an_earlier_epoch_has_not_spoken(
    cluster: Cluster, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_writer, "SUCCESSION_SECONDS", 0.0)
    await world.add_pod("lives", "10.1.0.1")
    for name in ("dead", "lives"):
        await world.add_policy(manifest(name, port=80))
    before = len(writes(server))

    async with working(cluster, epoch=2) as bench:
        bench.everybody_spoke(epoch=1)
        await bench.settled()
        assert len(writes(server)) == before

        bench.everybody_spoke(epoch=2)
        await bench.settled()
        assert set(await world.policies()) == {"lives"}


async def test_marks_before_the_listing_sweep_after_it(
    proxied: Cluster, proxy: Proxy, world: World
) -> None:
    await world.add_policy(manifest("dead"))
    listed = asyncio.Event()

    async def hold(request: web.Request, go_on: Any) -> Any:
        await listed.wait()
        return await go_on()

    proxy.fault = hold
    bench = Bench(proxied)
    task = asyncio.create_task(bench.queue.run())
    bench.everybody_spoke()
    listed.set()
    await until(lambda: ("dead", "DELETED") in bench.said)

    assert await world.policies() == {}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.usefixtures("pods")
async def test_a_partition_of_another_worker_is_left_to_it(
    cluster: Cluster, world: World, server: Server
) -> None:
    async with working(cluster) as bench:
        bench.owned = frozenset()
        bench.want(patch("a"))
        await bench.settled()
        assert writes(server) == []

        # What was dropped meanwhile is looked at when the partition is back.
        bench.owned = ALL
        await until(lambda: bench.said == [("a", "APPLIED")])

        assert len(writes(server)) == 1


@pytest.mark.usefixtures("pods")
async def test_ownership_is_asked_right_before_each_write(
    proxied: Cluster, proxy: Proxy, world: World, server: Server
) -> None:
    async with working(proxied, patch("a", port=80)) as bench:

        async def lose(request: web.Request, go_on: Any) -> Any:
            if request.method == "GET" and "/pods/" in request.path:
                bench.owned = frozenset()
            return await go_on()

        await world.delete_pod("a")
        proxy.fault = lose
        bench.want(patch("a", offset=2, gone=True))
        await bench.settled()

        assert [method for method, _, _ in writes(server)] == ["POST"]


@pytest.mark.usefixtures("pods")
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("fault", ["hang", "cut", "503", "500"])
@pytest.mark.fault("F45")
async def test_a_write_whose_answer_is_lost_is_repeated_without_harm(
    proxied: Cluster, proxy: Proxy, world: World, server: Server, fault: str, done: bool
) -> None:
    failed: set[str] = set()

    async def lose(request: web.Request, go_on: Any) -> Any:
        if request.method == "GET" or request.method in failed:
            return await go_on()
        failed.add(request.method)
        if done:
            async with proxy.ask(request, await request.read()) as answer:
                assert answer.ok
        if fault == "hang":
            await asyncio.sleep(30)
        if fault in ("hang", "cut"):
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=int(fault) if fault.isdigit() else 500, text="lost")

    proxy.fault = lose
    async with working(proxied) as bench:
        bench.want(patch("a"))
        await bench.settled()
        bench.want(patch("a", port=80, offset=2))
        await bench.settled()
        assert (await world.policy("a"))["spec"] == manifest("a", port=80)["spec"]
        await world.delete_pod("a")
        bench.want(patch("a", offset=3, gone=True))
        await bench.settled()

        assert await world.policies() == {}
        assert failed == {"POST", "PATCH", "DELETE"}
        assert {(each.revision.offset, each.outcome in DONE) for each in bench.outcomes} == {
            (1, True),
            (2, True),
            (3, True),
        }


DONE = (Outcome.APPLIED, Outcome.UNCHANGED, Outcome.DELETED)


@pytest.mark.fault("F44")
async def test_slow_down_is_heeded_by_all_hands(
    proxied: Cluster, proxy: Proxy, world: World
) -> None:
    names = [f"p{number}" for number in range(20)]
    for number, name in enumerate(names):
        await world.add_pod(name, f"10.1.0.{number + 1}")
    loop = asyncio.get_running_loop()
    refused: list[float] = []
    served: list[float] = []

    async def throttle(request: web.Request, go_on: Any) -> Any:
        if request.method != "POST":
            return await go_on()
        if not refused or loop.time() < refused[0] + 0.9:
            refused.append(loop.time())
            told = {"Retry-After": "1"}
            return web.Response(status=429, text="Too many requests", headers=told)
        served.append(loop.time())
        return await go_on()

    async with working(proxied, concurrency=4) as bench:
        proxy.fault = throttle
        bench.want(*(patch(name) for name in names))
        await bench.settled()

    # No more were refused than were on their way at once.
    assert len(refused) <= 4
    assert len(served) == len(names)


@pytest.mark.usefixtures("pods")
@pytest.mark.fault("F46")
async def test_one_refused_policy_holds_up_no_other_and_is_not_asked_again(
    cluster: Cluster, world: World, server: Server
) -> None:
    bad = patch("a", port=70_000)

    async with working(cluster, concurrency=1) as bench:
        bench.want(bad, patch("b"))
        await bench.settled()
        for _ in range(3):
            bench.want(bad)
            await bench.settled()

        assert sorted(bench.said) == [("a", "REFUSED"), ("b", "APPLIED")]
        assert "65535" in bench.outcomes[0].reason + bench.outcomes[1].reason
        assert len(writes(server)) == 2
        bench.want(patch("a", port=80, offset=2))
        await bench.settled()
        assert bench.said[-1] == ("a", "APPLIED")


@pytest.mark.usefixtures("pods")
async def test_a_resync_asks_again_for_what_was_refused(
    proxied: Cluster, proxy: Proxy, world: World
) -> None:
    async def forbid(request: web.Request, go_on: Any) -> Any:
        if request.method != "POST":
            return await go_on()
        return web.json_response({"reason": "Forbidden", "message": "no"}, status=403)

    proxy.fault = forbid
    async with working(proxied, patch("a"), resync_seconds=0.2) as bench:
        assert bench.said == [("a", "REFUSED")]
        proxy.fault = None
        await until(lambda: bench.said[-1] == ("a", "APPLIED"))


@pytest.mark.parametrize(
    "wanted",
    [
        patch("a", namespace="kube-system"),
        patch("a").model_copy(update={"manifest": manifest("b")}),
        patch("a").model_copy(update={"manifest": manifest("a", instance="other")}),
        patch("a").model_copy(update={"key": "elsewhere/default/a"}),
        patch("a").model_copy(update={"key": "nonsense"}),
    ],
)
@pytest.mark.row("X27")
async def test_what_would_be_written_elsewhere_is_refused_by_us(
    cluster: Cluster, world: World, server: Server, wanted: PolicyPatch
) -> None:
    await world.add_pod("a", "10.1.0.1")

    async with working(cluster) as bench:
        bench.want(wanted)
        await bench.settled()

        assert writes(server) == []
        assert [each.outcome for each in bench.outcomes] == [Outcome.REFUSED]


@pytest.mark.fault("F46")
async def test_a_namespace_that_is_not_there_is_a_refusal(
    cluster: Cluster, server: Server, world: World
) -> None:
    async with working(cluster, namespaces=("default", "shop")) as bench:
        await world.add_namespace("shop")
        await world.add_pod("a", "10.1.0.1", "shop")
        bench.want(patch("a", namespace="shop"))
        await bench.settled()
        assert bench.said == [("a", "APPLIED")]
        bench.want(patch("b", namespace="nowhere"))
        await bench.settled()
        assert bench.said[-1] == ("b", "REFUSED")


@pytest.mark.usefixtures("pods")
async def test_a_barrier_passes_when_all_before_it_is_settled(
    proxied: Cluster, proxy: Proxy
) -> None:
    partition = partition_of("local/default/a", PARTITIONS)
    other = next(each for each in ALL if each != partition)
    go = asyncio.Event()

    async def hold(request: web.Request, go_on: Any) -> Any:
        if request.method == "POST":
            await go.wait()
        return await go_on()

    async with working(proxied) as bench:
        proxy.fault = hold
        bench.want(patch("a"))
        bench.bar(partition)
        bench.bar(other)
        await until(lambda: bench.barriers == [other])
        await asyncio.sleep(0.2)
        assert bench.barriers == [other]

        go.set()
        await until(lambda: bench.barriers == [other, partition])

    sent = [send.key for send in bench.records.sent]
    assert sent == [f"mark-{other}", "local/default/a", f"mark-{partition}"]


@pytest.mark.usefixtures("pods")
async def test_an_outcome_the_broker_did_not_take_is_sent_again(cluster: Cluster) -> None:
    async with working(cluster) as bench:
        emit: Callable[..., Any] = bench.records.emit
        failures = 2

        async def failing(output: Any) -> None:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise ConnectionError("no broker")
            await emit(output)

        bench.queue._outcomes._emit = failing
        bench.want(patch("a"))
        await bench.settled()

        assert bench.said == [("a", "APPLIED")]


@pytest.mark.usefixtures("pods")
@pytest.mark.fault("F48")
async def test_an_outage_with_changes_ends_in_what_is_wanted(
    cluster: Cluster, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(cluster, patch("a"), patch("b", port=80)) as bench:
        await server.stop()
        bench.want(patch("a", port=80, offset=2), patch("b", offset=2))
        await asyncio.sleep(0.5)
        assert bench.queue.pending == 2
        await server.start()
        await bench.settled()

        stored = await world.policies()
        assert stored["a"]["spec"] == manifest("a", port=80)["spec"]
        assert stored["b"]["spec"] == manifest("b")["spec"]


@ON_THE_EMBEDDED_ONE
@pytest.mark.usefixtures("pods")
async def test_what_was_missed_by_the_watch_is_found_by_the_next_listing(
    proxied: Cluster, proxy: Proxy, world: World, server: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_policies, "RELIST_SECONDS", 0.05)
    cut = False

    async def cut_watches(request: web.Request, go_on: Any) -> Any:
        if cut and "watch=1" in request.path_qs:
            return web.Response(status=503)
        return await go_on()

    proxy.fault = cut_watches
    async with working(proxied, patch("a"), patch("b")) as bench:
        cut = True
        server.close_watches()
        await until(lambda: bench.queue.last_error)
        await world.delete_policy("a")
        await world.edit_policy("b", {"spec": {"ingress": [{}]}})
        server.compact()
        cut = False
        await world.becomes({name: manifest(name)["spec"] for name in "ab"})


@pytest.mark.fault("F22")
@pytest.mark.row("G20")
async def test_of_two_workers_who_both_believe_to_own_all_the_newer_wins(
    cluster: Cluster, proxied: Cluster, world: World
) -> None:
    names = [f"p{number}" for number in range(15)]
    for number, name in enumerate(names):
        await world.add_pod(name, f"10.1.0.{number + 1}")

    async with working(cluster) as newer, working(proxied) as older:
        for offset in range(1, 6):
            older.want(*(patch(name, port=22, offset=offset) for name in names))
            newer.want(*(patch(name, port=offset, offset=offset + 10) for name in names))
            await asyncio.sleep(0.02)
        await newer.settled()
        await older.settled()
        # What the older one wrote first it sees replaced, and says so.
        await until(lambda: set(older.last.values()) == {Outcome.SUPERSEDED})
        await newer.settled()

        stored = await world.policies()
        assert {name: each["spec"] for name, each in stored.items()} == {
            name: manifest(name, port=5)["spec"] for name in names
        }
        assert len(older.last) == len(names)
