"""The placement is changed under a running system; packets on their way do not notice."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from itertools import permutations
from pathlib import Path

import pytest

from deploy.demo.stage import FIREWALL
from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import link_of
from deploy.local.packets.probing import LONG_WAIT, Probe, probe_all
from streams.records.rules import Rule
from tests.e2e.acting import Actor, acting, until_true
from tests.e2e.conftest import WORLDS
from tests.e2e.meanwhile import meanwhile
from tests.e2e.test_rules import random_rules
from tests.integration.packets.crowd import ARRIVED
from tests.real import needs_packets
from tests.unit.rules.brute_force import Packet, passes

pytestmark = needs_packets

PODS = {f"pod-{number}": f"10.244.7.{number}" for number in range(1, 6)}
PORTS = (80, 443)
Flow = tuple[str, str, int]
FLOWS: list[Flow] = [(*pair, port) for pair in permutations(PODS, 2) for port in PORTS]


class Traffic:
    """Connects everybody to everybody, again and again, and counts what should not have been."""

    def __init__(self, folder: Path, wanted: dict[Flow, bool]) -> None:
        self.rounds = 0
        self.wrong: Counter[tuple[Flow, bool]] = Counter()
        self._folder = folder
        self._wanted = wanted

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Send for as long as this lasts."""
        with ExitStack() as stack:
            homes = {}
            for name in PODS:
                homes[name] = Namespace.at(link_of(self._folder, "default", name))
                stack.callback(homes[name].close)
            probes = {
                flow: Probe(homes[flow[0]], PODS[flow[0]], PODS[flow[1]], "TCP", flow[2])
                for flow in self._wanted
            }
            async with meanwhile(lambda: self._look(probes)):
                yield

    def _look(self, probes: dict[Flow, Probe]) -> None:
        self.rounds += 1
        seen = probe_all(list(probes.values()), 0.1)
        late = []
        for flow, each in zip(probes, seen, strict=True):
            if (each.verdict in ARRIVED) and not self._wanted[flow]:
                self.wrong[flow, True] += 1
            elif (each.verdict not in ARRIVED) and self._wanted[flow]:
                late.append(flow)
        # A packet that is lost on a busy machine is sent again by the kernel, after a second.
        again = probe_all([probes[flow] for flow in late], LONG_WAIT)
        for flow, each in zip(late, again, strict=True):
            if each.verdict not in ARRIVED:
                self.wrong[flow, False] += 1


@pytest.fixture(params=WORLDS)
async def actor(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Actor]:
    async with acting(tmp_path, workers=2, packets=True, **request.param) as actor:
        yield actor


@pytest.mark.timeout(600)
async def test_another_placement_writes_no_policy_and_no_packet_notices(actor: Actor) -> None:
    await actor.create_pods(PODS)
    chance = random.Random(4)
    await actor.write_rules(
        [rule for _ in range(3) for rule in random_rules(chance, [*PODS.values()])]
    )
    await actor.settled()
    wanted = meant(await actor.graph_rules())
    assert 5 < sum(wanted.values()) < len(FLOWS) - 5
    versions = await stored_versions(actor)
    traffic = Traffic(actor.world.plan.state_dir / "packets", wanted)

    async with traffic.flowing():
        for placement in ("distributed", "distributed:hub", "star"):
            await switch(actor, placement)
            await actor.settled()
            assert await stored_versions(actor) == versions

    assert traffic.rounds > 20
    assert traffic.wrong == {}
    assert meant(await actor.graph_rules()) == wanted
    assert await actor.dead_letters() == {}


def meant(rules: list[Rule]) -> dict[Flow, bool]:
    return {
        (one, two, port): passes(
            rules, "DENY", False, PODS[one], PODS[two], Packet("TCP", 40000, port)
        )
        for one, two, port in FLOWS
    }


async def stored_versions(actor: Actor) -> dict[str, str]:
    found = await actor.policies()
    return {name: policy["metadata"]["resourceVersion"] for name, policy in found.items()}


async def switch(actor: Actor, placement: str) -> None:
    """Start the workers again with another setting, one after the other."""
    name, _, wiring = placement.partition(":")
    told = {"VEREFLOW_GRAPH__PLACEMENT": name, "VEREFLOW_GRAPH__WIRING": wiring or "mesh"}
    for worker in actor.world.workers.workers:
        worker.environment = {**worker.environment, **told}
        assert worker.process is not None
        worker.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(worker.process.wait, 60)
        worker.start()
        await actor.world.workers.until_ready()

    async def switched() -> bool:
        nodes = (await actor.graph())["node"]
        firewalls = {each["name"] for each in nodes if each["functionalType"] == "FIREWALL"}
        hubs = [each for each in nodes if each["functionalType"] == "FORWARDER"]
        right = {FIREWALL} == firewalls if name == "star" else FIREWALL not in firewalls
        return right and len(hubs) == (wiring == "hub") and len(firewalls) in (1, len(PODS))

    await until_true(switched)
