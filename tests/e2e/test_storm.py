"""Nothing is lost, stale or blocked in the whole pipeline, whatever happens to its workers.

``STORMS`` says how many storms rage, each with a seed of its own.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploy.local.broker.apache import ApacheBroker
from tests.disturbing import Disturber
from tests.e2e.acting import Actor, acting
from tests.e2e.conftest import REAL
from tests.e2e.storm import PODS, Rules, behind, guests
from tests.reading import Intervals
from tests.real import needs_go, needs_java

STORMS = int(os.environ.get("STORMS", "1"))
WITHIN = 420.0

Ports = dict[tuple[str, str], Intervals]


@needs_java
@needs_go
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(STORMS))
@pytest.mark.fault("F13", "F20", "F22", "F23")
async def test_no_rule_and_no_pod_is_lost_in_a_storm(tmp_path: Path, seed: int) -> None:
    async with acting(tmp_path, 3, **REAL) as actor:
        await actor.create_pods(PODS)
        await actor.settled()
        disturber = disturbing(actor, seed)
        rules = Rules(actor)
        keeping = asyncio.create_task(actor.world.run())
        coming = asyncio.create_task(guests(actor))
        feeding = asyncio.create_task(rules.feed())
        began = time.monotonic()
        await disturber.rage()
        rules.end()
        await feeding
        fed = time.monotonic() - began
        coming.cancel()
        with suppress(asyncio.CancelledError):
            await coming
        await actor.settled(str(WITHIN))
        drained = time.monotonic() - began - fed
        blocked = await committed(actor)
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

        pods = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in await actor.pods()}
        policies = await actor.policies()
        deaths = sum(len(each.deaths) for each in actor.world.workers.workers)
        print(
            f"{disturber.told}: {rules.sent} records in {fed:.0f} s, {len(rules.bad)} of them bad,"
            f" drained in {drained:.0f} s, {deaths} restarts, {len(policies)} policies"
        )
        reach = await actor.stored_reach()
        open_ports = {pair: each.tcp for pair, each in reach.items() if each.tcp}
        assert differences(open_ports, rules.wanted()) == {}
        assert {name: uid_of(policies[name]) for name in policies} == pods
        assert set(await actor.dead_letters()) == rules.bad
        assert blocked == {}


def disturbing(actor: Actor, seed: int) -> Disturber:
    workers = actor.world.workers
    assert isinstance(actor.world.broker, ApacheBroker)

    def pids() -> dict[str, int]:
        return {each.name: each.pid for each in workers.workers if not each.has_died()}

    def join() -> None:
        another = actor.world.worker(len(workers.workers))
        another.start()
        workers.workers.append(another)

    return Disturber(actor.world.broker, seed, pids, join)


async def committed(actor: Actor) -> dict[str, int]:
    """Return what is not committed once everything is, or time is up."""
    deadline = time.monotonic() + WITHIN
    left = await behind(actor)
    while left and time.monotonic() < deadline:
        await asyncio.sleep(1.0)
        left = await behind(actor)
    return left


def differences(
    found: dict[tuple[str, str], object], wanted: dict[tuple[str, str], object]
) -> object:
    return {
        pair: (found.get(pair), wanted.get(pair))
        for pair in found.keys() | wanted.keys()
        if found.get(pair) != wanted.get(pair)
    }


def uid_of(policy: dict[str, Any]) -> Any:
    return policy["metadata"]["annotations"]["vereflow.io/pod-uid"]
