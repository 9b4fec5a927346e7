"""Pods become workloads in a running installation, and pods again: nobody notices at any moment."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from deploy.account import LABELS, OWNERS, make_account
from deploy.installation import Migrating, initialise
from deploy.local.kubernetes.apiserver.server import ApiServer
from deploy.workers import WorkerFailed
from tests.controlling import Controller
from tests.e2e.acting import Actor, acting, as_endpoint
from tests.e2e.conftest import WORLDS
from tests.e2e.test_counts import allow
from tests.e2e.test_identities import FIRST_REAL, running
from tests.faults.witness import Version, Witness
from tests.reading import Reach, allowed_ports

Json = dict[str, Any]
PODS = {"web": 4, "shop": 4, "api": 4, "cache": 3, "mail": 2, "db": 3}
SELECTION = "VEREFLOW_CLUSTER__SELECTION"
FAILPOINT = "VEREFLOW_FAILPOINT"
# In the order of the steps: the note, three changes of Verefoo, the rules said by topic, the
# offsets; and once those are done: the topics that go, and the new epoch.
STEPS = ["migrating:1", "edited:1", "edited:2", "edited:2", "migrating:2", "migrating:3"]
LAST_STEPS = ["migrating:1", "migrating:2"]
Pair = tuple[str, str]


@pytest.fixture
async def actor(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Actor]:
    monkeypatch.setenv(SELECTION, "label")
    async with acting(tmp_path, 2, **request.param) as actor:
        if isinstance(actor.world.kubernetes, ApiServer):
            # The rights to both: one is there by what is set now.
            await make_account(actor._kube, LABELS, OWNERS)
        yield actor


@pytest.mark.timeout(600)
@pytest.mark.parametrize("actor", FIRST_REAL, indirect=True)
async def test_only_what_was_accepted_opens_and_closes_there_and_back(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = Controller(actor._kube)
    await controller.deploy("web", 2)
    await controller.have_stateful_set("db", 2)
    for name in ("web", "db"):
        await running(controller, name, 2)
    web, db = [await addresses(controller, name) for name in ("web", "db")]
    # Back and forth between all, and one of them to one of them.
    await actor.write_rules([*map(rule, pairs(web, db)), allow(web[0], db[0]) | {"dstPort": "81"}])
    await say(actor, map(rule, pairs(db, web)))
    await actor.settled()
    before = await reach(actor)

    stands_for(actor, monkeypatch, "workload", "app")
    told = await plan(actor)
    assert [each.rpartition(":")[2] for each in told["partial"]] == [
        " said of 1 of 4 pairs of pods"
    ]
    async with looking_on(actor):
        await stopped(actor)
        await killed(actor, told, monkeypatch, ["edited:2"])
        await restarted(actor)

    assert (await actor.policies()).keys() == {"deployment.web", "statefulset.db"}
    wide = await reach(actor)
    opened = [wide[pair].tcp for pair in apart(before) if wide[pair] != before[pair]]
    assert opened == [((80, 81),)] * 3

    stands_for(actor, monkeypatch, "pod", "label")
    told = await plan(actor)
    async with looking_on(actor):
        await stopped(actor)
        await killed(actor, told, monkeypatch, [])
        await restarted(actor)

    assert (await actor.policies()).keys() == {name.partition("/")[2] for name, _ in before}
    assert await reach(actor) == {**before, **apart(wide)}


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("actor", WORLDS, indirect=True)
async def test_there_and_back_no_flow_opens_or_closes_for_a_moment_whoever_is_killed(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = Controller(actor._kube)
    await populate(actor, controller)
    before = await reach(actor)
    # Everybody reaches the three caches.
    assert sum(each.tcp == ((80, 80),) for each in before.values()) == 16 + 16 + 12 + 3 * 19

    await there(actor, monkeypatch)
    deployments = {f"deployment.{name}" for name in PODS if name != "db"}
    assert (await actor.policies()).keys() == {*deployments, "statefulset.db"}
    assert apart(await reach(actor)) == apart(before)
    assert len(await actor.rules()) == 3

    await controller.scale("api", 5)
    await running(controller, "api", 5)
    await actor.settled()
    wide = await reach(actor)

    await back(actor, monkeypatch)
    assert len(await actor.policies()) == len(await actor.pods()) == 21
    assert apart(await reach(actor)) == apart(wide)
    assert (await reach(actor)).items() >= before.items()
    assert len(await actor.rules()) == 16 + 20 + 3
    assert await actor.dead_letters() == {}


async def populate(actor: Actor, controller: Controller) -> None:
    """Have rules between all pods of some workloads, in Verefoo and by topic alone."""
    for name, count in PODS.items():
        if name == "db":
            await controller.have_stateful_set(name, count)
        else:
            await controller.deploy(name, count)
    for name, count in PODS.items():
        await running(controller, name, count)
    await actor.settled()
    at = {name: await addresses(controller, name) for name in PODS}
    written = [*map(rule, pairs(at["web"], at["shop"])), *map(rule, pairs(at["shop"], at["api"]))]
    await actor.write_rules([*written, *(allow("*", cache) for cache in at["cache"])])
    await say(actor, map(rule, pairs(at["api"], at["db"])))
    await actor.settled()


async def there(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    stands_for(actor, monkeypatch, "workload", "app")
    told = await plan(actor)
    assert told["partial"] == []
    # Pods of one workload are open to each other from now on, and nothing else changes.
    assert {alike(pair) for each in told["difference"]["flows"] for pair in ends(each)} == {True}
    status, said = await migrated(actor, told)
    assert (status, "workers run still" in said) == (2, True), said

    async with looking_on(actor):
        await stopped(actor)
        await killed(actor, told, monkeypatch, STEPS)
        await restarted(actor, dying_at="applied:3")


async def back(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    stands_for(actor, monkeypatch, "pod", "label")
    told = await plan(actor)
    async with looking_on(actor):
        await stopped(actor)
        await killed(actor, told, monkeypatch, [*STEPS, *LAST_STEPS])
        await restarted(actor)


async def say(actor: Actor, rules: Iterable[Json]) -> None:
    """Have the firewall allow this by topic alone."""
    change = {"graph": "main", "firewall": "10.0.0.1", "added": list(rules)}
    await actor.produce("firewall-changes", [(b"main", json.dumps(change).encode())])


async def killed(
    actor: Actor, told: Json, monkeypatch: pytest.MonkeyPatch, steps: Sequence[str]
) -> None:
    """Migrate as it was told; die after each of these steps, and end what was begun."""
    for step in steps:
        monkeypatch.setenv(FAILPOINT, step)
        status, said = await migrated(actor, told)
        assert status < 0, (step, said)
        monkeypatch.delenv(FAILPOINT)
        with pytest.raises(Migrating, match="vereflow migrate --go"):
            await initialise(actor.world.settings)
    status, said = await migrated(actor, told)
    assert status == 0, said


def stands_for(
    actor: Actor, monkeypatch: pytest.MonkeyPatch, identity: str, selection: str
) -> None:
    """Set what nodes are to stand for, for commands and for workers that start from now on."""
    world = actor.world
    cluster = world.settings.cluster.model_copy(update={"identity": identity})
    world.settings = world.settings.model_copy(update={"cluster": cluster})
    monkeypatch.setenv(SELECTION, selection)


async def plan(actor: Actor) -> Json:
    """Return what is told of it while the workers run."""
    status, out, beside = await actor.answer("migrate", "-o", "json")
    assert (status, "nothing was touched" in beside) == (1, True), beside
    told: Json = json.loads(out)
    return told


async def stopped(actor: Actor) -> None:
    """Stop the workers; nobody has anything left to take in."""
    await actor.world.workers.stop()
    status, said = await actor.vereflow("migrate", "--go")
    assert (status, "not taken in yet" in said) == (1, False), said


async def migrated(actor: Actor, told: Json) -> tuple[int, str]:
    return await actor.vereflow("migrate", "--go", "--accept", told["code"])


async def restarted(actor: Actor, dying_at: str = "") -> None:
    """Start the workers, first some that die on the way if that is asked for."""
    if dying_at:
        actor.world.plan.environment[FAILPOINT] = dying_at
        with suppress(WorkerFailed):
            await actor.world.start_workers(2)
        await actor.until(lambda: any(each.has_died() for each in actor.world.workers.workers))
        await actor.world.workers.stop()
        del actor.world.plan.environment[FAILPOINT]
    await actor.world.start_workers(2)
    await actor.settled()


@asynccontextmanager
async def looking_on(actor: Actor) -> AsyncIterator[None]:
    """Hold all policies, as they were stored at each moment, against what was and what will be."""
    witness = Witness(actor._kube)
    await witness.begin()
    first = len(witness.versions)
    try:
        yield
    finally:
        await witness.end()
    pods = [as_endpoint(pod) for pod in await actor.pods()]
    begun, *moments = list(states(witness.versions, first))
    was, will = flows(begun, pods), flows(moments[-1], pods)
    assert len(moments) >= len(pods)
    for policies in moments:
        now = flows(policies, pods)
        assert now - (was | will) == set()
        assert (was & will) - now == set()


def states(versions: Sequence[Version], first: int) -> Iterator[list[Json]]:
    """Yield all policies as they were stored at the beginning, and after each change."""
    stored: dict[str, Json] = {}
    for number, each in enumerate(versions, 1):
        stored.pop(each.name, None)
        if each.spec is not None:
            meta = {"name": each.name, "namespace": "default"}
            stored[each.name] = {"metadata": meta, "spec": each.spec}
        if number >= first:
            yield list(stored.values())


def flows(policies: Sequence[Json], pods: Sequence[Json]) -> set[tuple[Pair, str]]:
    """Return what pods may send to each other, of what one of these states tells apart."""
    names = [f"{pod['namespace']}/{pod['name']}" for pod in pods]
    found = set[tuple[Pair, str]]()
    for pair in permutations(names, 2):
        let_through = allowed_ports(policies, pods, *pair)
        for port in (80, 81):
            if any(low <= port <= high for low, high in let_through.tcp):
                found.add((pair, f"TCP {port}"))
        if let_through.icmp:
            found.add((pair, "ICMP"))
    return found


async def reach(actor: Actor) -> dict[Pair, Reach]:
    pods = [as_endpoint(pod) for pod in await actor.pods()]
    names = [f"{pod['namespace']}/{pod['name']}" for pod in pods]
    policies = list((await actor.policies()).values())
    return {pair: allowed_ports(policies, pods, *pair) for pair in permutations(names, 2)}


def apart(reached: Mapping[Pair, Reach]) -> dict[Pair, Reach]:
    return {pair: each for pair, each in reached.items() if not alike(pair)}


def alike(pair: Pair) -> bool:
    """Tell whether two pods are of one workload."""
    one, two = (name.split("/")[1].split("-")[0] for name in pair)
    return one == two


def ends(flow: Json) -> Iterator[Pair]:
    for told in flow["pairs"]:
        one, _, two = told.partition(" -> ")
        yield one, two


async def addresses(controller: Controller, name: str) -> list[str]:
    return [pod["status"]["podIP"] for pod in await controller.pods(app=name)]


def pairs(sources: Iterable[str], destinations: Sequence[str]) -> list[Pair]:
    return [(one, two) for one in sources for two in destinations]


def rule(pair: Pair) -> Json:
    return allow(*pair)
