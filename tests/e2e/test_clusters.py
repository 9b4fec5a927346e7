"""Two clusters, one graph: a rule between them opens exactly that, its half written in each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from deploy.backing import beside
from deploy.demo.expected import isolated
from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import link_of
from deploy.local.packets.router import Side
from tests.e2e.acting import Actor, until_true
from tests.e2e.apart import Apart, apart
from tests.e2e.conftest import EMBEDDED, REAL
from tests.e2e.test_commands import Asking, allow
from tests.faults.line import Line, Trouble
from tests.faults.timeline import Timeline
from tests.faults.witness import Witness
from tests.integration.packets.everybody import Flow, Home, opened
from tests.real import needs_go, needs_java, needs_packets

pytestmark = needs_packets

ONE = {"pod-a": "10.1.0.11", "pod-b": "10.1.0.12"}
TWO = {"pod-c": "10.2.0.13", "pod-d": "10.2.0.14"}
PODS = {**ONE, **TWO}
# The pods of one are hidden on their way to two; those of two are not on their way to one.
GATE = "172.18.0.1"
LINKS = [
    {"source": "one", "destination": "two", "seen": [f"{GATE}/32"]},
    {"source": "two", "destination": "one"},
]
A_TO_C, B_TO_D, D_TO_B = ("pod-a", "pod-c"), ("pod-b", "pod-d"), ("pod-d", "pod-b")
KAFKA, KUBE = "to_broker", "to_kube"
# Two API servers and Kafka take more than a minute to play it.
real = (needs_java, needs_go, pytest.mark.long)
CUTS = [
    pytest.param(EMBEDDED, KUBE, 20.0, id="embedded"),
    pytest.param(REAL, KAFKA, 20.0, id="real-broker", marks=real),
    pytest.param(REAL, KUBE, 300.0, id="real-kube-long", marks=real),
    pytest.param(REAL, KAFKA, 300.0, id="real-broker-long", marks=real),
]
Pair = tuple[str, str]


class Hiding(Apart):
    """Two clusters, of which one is hidden behind an address of the router."""

    def _sides(self) -> list[Side]:
        one, two = (self.clusters[name].packets for name in self.names)
        return [Side("one", one, "10.1.0.0/16", GATE), Side("two", two, "10.2.0.0/16")]

    def _links(self) -> list[dict[str, Any]]:
        return LINKS


class Clusters:
    """Two clusters of one graph: what is said of both, stored in each, and let through."""

    def __init__(self, actor: Actor, world: Apart, homes: dict[str, Home]) -> None:
        self.actor = actor
        self.world = world
        self._homes = homes
        self._timeline = Timeline()
        self._timeline.turn(halves())
        self.witnesses = Witness(actor._kube), Witness(world.kube)

    async def say(self, *rules: Pair) -> None:
        """Have these rules in Verefoo, and no others."""
        self._timeline.turn(halves(*rules))
        await self.actor.write_rules([allow(*(PODS[each] for each in rule)) for rule in rules])

    async def are_in_force(self, *rules: Pair) -> None:
        """Fail unless this is what is stored, and in the end what packets get through by."""
        await self.actor.settled()
        assert await self.stored() == halves(*rules)
        await self.let_through(*rules)

    async def stored(self) -> dict[str, Any]:
        """Return what the policies of both clusters say."""
        found = await asyncio.gather(self.actor.policies(), self.world.stage.policies())
        return {name: each["spec"] for policies in found for name, each in policies.items()}

    async def let_through(self, *rules: Pair) -> None:
        """Return once exactly these arrive; a node enforces a moment after it is stored."""
        wanted: set[Flow] = {(*each, "TCP", 80) for each in rules}

        async def exactly() -> bool:
            return await opened(self._homes, wanted) == wanted

        await until_true(exactly)

    def violations(self) -> list[str]:
        """Return every version that was stored at any moment and that no rules explain."""
        seen = (each.versions for each in self.witnesses)
        return [why for versions in seen for why in self._timeline.violations(versions)]


def halves(*rules: Pair) -> dict[str, Any]:
    """Return what each policy is to say."""
    found = {name: isolated(name) for name in PODS}
    for source, destination in rules:
        met_at = GATE if source in ONE else PODS[source]
        found[source] |= {"egress": block("to", PODS[destination])}
        found[destination] |= {"ingress": block("from", met_at)}
    return found


def block(side: str, address: str) -> list[dict[str, Any]]:
    port = {"protocol": "TCP", "port": 80}
    return [{side: [{"ipBlock": {"cidr": f"{address}/32"}}], "ports": [port]}]


@asynccontextmanager
async def two_clusters(folder: Path, parts: dict[str, Any]) -> AsyncIterator[Clusters]:
    """Start both with their pods, joined by a router; somebody watches all policies."""
    async with AsyncExitStack() as stack:
        world = apart(folder, 2, Hiding, packets=True, **parts)
        actor = await stack.enter_async_context(world)
        assert isinstance(actor.world, Apart)
        await actor.create_pods(ONE)
        await asyncio.gather(*(actor.world.stage.create_pod(*each) for each in TWO.items()))
        await actor.settled()
        homes = {}
        for name, address in PODS.items():
            cluster = actor.world.clusters["one" if name in ONE else "two"]
            namespace = Namespace.at(link_of(cluster.packets, "default", name))
            homes[name] = Home(stack.enter_context(closing(namespace)), address)
        clusters = Clusters(actor, actor.world, homes)
        for witness in clusters.witnesses:
            await witness.begin()
            stack.push_async_callback(witness.end)
        await stack.enter_async_context(beside(actor.world.run()))
        yield clusters


@pytest.mark.fault("F55")
@pytest.mark.parametrize(("parts", "which", "seconds"), CUTS)
async def test_a_rule_between_clusters_opens_exactly_that_also_after_one_was_cut_off(
    tmp_path: Path, parts: dict[str, Any], which: str, seconds: float
) -> None:
    async with two_clusters(tmp_path, parts) as clusters:
        await clusters.are_in_force()
        await clusters.say(A_TO_C, D_TO_B)
        await clusters.are_in_force(A_TO_C, D_TO_B)
        await clusters.say(A_TO_C)
        await clusters.are_in_force(A_TO_C)
        await shared_by_b(clusters.actor)
        await contradicts_no_link(clusters.actor)

        before = await cut_off(clusters, getattr(clusters.world, which), seconds)
        await clusters.are_in_force(B_TO_D)
        # What closes is written before what opens.
        written = clusters.witnesses[1].versions[before:]
        assert [each.name for each in written] == ["pod-c", "pod-d"]

        await clusters.say()
        await clusters.are_in_force()
        assert clusters.violations() == []
        assert await clusters.actor.dead_letters() == {}


async def cut_off(clusters: Clusters, line: Line, seconds: float) -> int:
    """Revoke and grant while two hears of nothing; return how many versions were stored there."""
    until = time.monotonic() + seconds
    versions = clusters.witnesses[1].versions
    before, old = len(versions), halves(A_TO_C)
    line.trouble = Trouble(refuses=True)
    await line.reset()

    for rules in ((), (B_TO_D,)):
        await clusters.say(*rules)
        now = {name: (old if name in TWO else halves(*rules))[name] for name in PODS}
        await until_true(lambda now=now: is_stored(clusters, now))
        await clusters.let_through()
    if line is clusters.world.to_kube:
        await until_true(lambda: pending(clusters.actor, 2))
    status, told = await clusters.actor.vereflow("wait", "--timeout", "1")
    assert (status, "at cluster two" in told) == (1, True), told

    await asyncio.sleep(until - time.monotonic())
    assert len(versions) == before
    line.trouble = Trouble()
    await line.reset()
    return before


async def is_stored(clusters: Clusters, wanted: dict[str, Any]) -> bool:
    return await clusters.stored() == wanted


async def pending(actor: Actor, policies: int) -> bool:
    """Tell whether so many policies wait for the API server of the second cluster."""
    _, out, _ = await actor.answer("status", "-o", "json")
    hands = {each["worker"]: each["hands"] for each in json.loads(out)["workers"]}
    return bool(hands["two"]["policy_applier"]["pending"] >= policies)


async def contradicts_no_link(actor: Actor) -> None:
    """Fail if a look at everything finds that an address of a link means somebody else's pod."""
    _, out, _ = await actor.answer("doctor", "-o", "json")
    checks = {each["check"]: each for each in json.loads(out)["checks"]}
    assert checks["links"]["ok"], checks["links"]
    assert checks["links"]["detail"].startswith("2, ")


async def shared_by_b(actor: Actor) -> None:
    """Fail unless it is said who shares the address under which a is seen."""
    told = await Asking(actor).data("policies", "two/default/pod-c")
    (policy,) = told["policies"]
    (found,) = policy["inexact"]
    assert (found["reason"], found["errs"]) == ("shared-address", "wider")
    assert found["sharedBy"] == ["one/default/pod-b"]
    assert "one/default/pod-b" in await Asking(actor).ends(0, "policies", "pod-c")
