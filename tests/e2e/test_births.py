"""Pods are closed from their first moment where their namespace is; the kernel is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest

from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import link_of
from deploy.local.packets.probing import Probe, probe_all
from tests.e2e.acting import Actor, acting, until_true
from tests.e2e.conftest import WORLDS
from tests.e2e.meanwhile import meanwhile
from tests.integration.packets.crowd import ARRIVED
from tests.real import ALL_PACKETS, needs_packets

pytestmark = needs_packets

BIRTHS = 200 if ALL_PACKETS else 20
AT_ONCE = 4
OUTSIDE = "/api/v1/namespaces/outside/pods"
PROBER, LISTENER = "10.244.200.1", "10.244.200.2"
# Between two attempts at one pod; how long it is still asked after its policy is stored.
EVERY, AFTERWARDS = 0.02, 0.3
# How often each pod is tried at least, however slow the machine, in rounds that count.
ROUNDS = 5


class Prober:
    """Connects to the addresses it is told, again and again, and remembers when it got through.

    Silence proves nothing in a round in which the listener, who always answers, was silent too:
    such a round is not counted.
    """

    def __init__(self, home: Namespace) -> None:
        self.arrived: dict[str, list[float]] = {}
        self.tried: dict[str, int] = {}
        self._home = home
        self._targets: frozenset[str] = frozenset({LISTENER})

    def aim(self, addresses: Iterable[str]) -> None:
        """Try these from now on, and the listener."""
        self._targets = frozenset({LISTENER, *addresses})

    def look(self) -> None:
        """Try each target once."""
        targets = sorted(self._targets)
        probes = [Probe(self._home, PROBER, each, "TCP", 80) for each in targets]
        seen = zip(targets, probe_all(probes, EVERY), strict=True)
        reached = {target for target, each in seen if each.verdict in ARRIVED}
        for target in reached:
            self.arrived.setdefault(target, []).append(time.monotonic())
        if LISTENER in reached:
            for target in targets:
                self.tried[target] = self.tried.get(target, 0) + 1


@pytest.fixture(params=["namespace", "pod"])
async def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=WORLDS)
async def actor(
    tmp_path: Path, isolation: str, request: pytest.FixtureRequest
) -> AsyncIterator[Actor]:
    told = {"VEREFLOW_CLUSTER__ISOLATION": isolation}
    world: dict[str, Any] = {**request.param, "environment": told}
    async with acting(tmp_path, workers=1, packets=True, **world) as actor:
        yield actor


@pytest.mark.timeout(1800)
async def test_a_pod_in_a_closed_namespace_is_never_reached(
    actor: Actor, isolation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await live_outside(actor)
    link = link_of(actor.world.plan.state_dir / "packets", "outside", "prober")
    home = Namespace.at(link)
    prober = Prober(home)
    born = {f"pod-{number:03d}": f"10.244.7.{number}" for number in range(1, BIRTHS + 1)}
    names = sorted(born)
    async with meanwhile(prober.look):
        for at in range(0, BIRTHS, AT_ONCE):
            some = {name: born[name] for name in names[at : at + AT_ONCE]}
            # From before the first moment of each.
            prober.aim(some.values())
            await actor.create_pods(some)
            await until_true(partial(covered, actor, some))
            await asyncio.sleep(AFTERWARDS)
            await until_true(partial(enough, prober, some.values()))
    home.close()

    reached = {each: times for each, times in prober.arrived.items() if each != LISTENER}
    assert min(prober.tried[each] for each in born.values()) >= ROUNDS
    if isolation == "namespace":
        assert reached == {}
    else:
        assert reached, "nobody was ever open: this prober is blind"
    with capsys.disabled():
        print(f"\n{isolation}: {said(reached, prober.tried[LISTENER])}")


async def live_outside(actor: Actor) -> None:
    """Have two pods in a namespace that nobody manages."""
    await actor.change("POST", "/api/v1/namespaces", {"metadata": {"name": "outside"}})
    for name, address in (("prober", PROBER), ("listener", LISTENER)):
        meta = {"name": name, "annotations": {"vereflow.io/pod-ip": address}}
        spec = {"containers": [{"name": "main", "image": "nginx"}]}
        await actor.change("POST", OUTSIDE, {"metadata": meta, "spec": spec})
    folder = actor.world.plan.state_dir / "packets"
    await actor.until(lambda: link_of(folder, "outside", "listener").exists())


async def covered(actor: Actor, pods: Iterable[str]) -> bool:
    """Tell whether the policy of each pod is stored."""
    return set(pods) <= (await actor.policies()).keys()


async def enough(prober: Prober, addresses: Iterable[str]) -> bool:
    """Tell whether each of these was tried often enough."""
    return all(prober.tried.get(each, 0) >= ROUNDS for each in addresses)


def said(reached: dict[str, list[float]], rounds: int) -> str:
    """Return how many were reached, and for how long each."""
    begun = f"{len(reached)} of {BIRTHS} pods were reached, in {rounds} rounds"
    if len(reached) < 2:
        return begun
    cut = quantiles([1000 * (times[-1] - times[0]) for times in reached.values()], n=100)
    return f"{begun}, each for {cut[49]:.0f}/{cut[98]:.0f} ms (p50/p99)"
