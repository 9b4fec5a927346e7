"""A worker dies in the middle, or everything it knew is wiped: nothing is lost, opened or cut."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal

import pytest

from deploy.demo.expected import isolated
from tests.e2e.conftest import Start
from tests.e2e.test_counts import PODS, A, B, C, D, E, allow, spent

BURST = {
    f"burst-{number}": f"10.244.{20 + number // 200}.{number % 200 + 1}" for number in range(200)
}


@pytest.mark.fault("F01", "F20")
async def test_a_burst_survives_the_kill_of_a_worker(start: Start) -> None:
    actor = await start(workers=2)
    victim = actor.world.workers.workers[0]

    # 200 pods appear, get an address, and half of them go: 500 events.
    creating = asyncio.create_task(actor.create_pods(BURST))
    await actor.until(lambda: len(actor.policy_writes()) >= 20)
    os.kill(victim.pid, signal.SIGKILL)
    await creating
    await actor.delete_pods(list(BURST)[::2])
    await actor.settled()

    living = list(BURST)[1::2]
    policies, graph = await actor.policies(), await actor.neighbours()
    # The differences alone: a hundred policies would fill the log.
    assert sorted(policies.keys() ^ set(living)) == []
    assert [name for name in living if policies[name]["spec"] != isolated(name)] == []
    addresses = {BURST[name] for name in living}
    assert sorted(graph.keys() ^ {"10.0.0.1", *addresses}) == []
    assert sorted(set(graph["10.0.0.1"]) ^ addresses) == []
    assert await actor.dead_letters() == {}


@pytest.mark.fault("F30")
async def test_wiping_all_local_state_opens_and_cuts_nothing(start: Start) -> None:
    actor = await start(workers=2)
    await actor.create_pods(PODS)
    await actor.write_rules([allow(A, B), allow(C, B), allow(D, E)])
    await actor.settled()
    before, policies = await spent(actor), await actor.policies()

    await actor.world.workers.stop()
    shutil.rmtree(actor.world.plan.state_dir / "workers")
    await actor.world.workers.start()
    await actor.settled()

    # Nothing was written, so nothing was open or cut at any moment.
    assert await spent(actor) == before
    assert await actor.policies() == policies
