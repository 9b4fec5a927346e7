"""Candidates for one lease: at most one acts, and the next has a larger number."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from agents.clients import lease
from agents.clients.kubernetes import Cluster
from agents.clients.lease import Leadership
from tests.integration.kubernetes.world import Proxy, World, until

# A third of it is as long as the loop may be held up without a change of leader.
SECONDS = 3.0


class Terms:
    """What the holders of a lease did, in order."""

    def __init__(self) -> None:
        self.acting: set[str] = set()
        self.numbers: list[tuple[str, int]] = []
        self.overlaps = 0

    def work(self, holder: str) -> Any:
        async def act(number: int) -> None:
            self.numbers.append((holder, number))
            self.overlaps += bool(self.acting)
            self.acting.add(holder)
            try:
                await asyncio.Event().wait()
            finally:
                self.acting.discard(holder)

        return act


def candidate(cluster: Cluster, holder: str, clock: Any = None) -> Leadership:
    told = {"namespace": "default", "name": "lease", "holder": holder, "seconds": SECONDS}
    return Leadership(cluster, **told, **({"clock": clock} if clock else {}))


async def end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_released_lease_is_taken_with_a_larger_number(
    cluster: Cluster, world: World
) -> None:
    terms = Terms()
    one, two = candidate(cluster, "one"), candidate(cluster, "two")
    first = asyncio.create_task(one.lead(terms.work("one")))
    await until(lambda: terms.acting)
    second = asyncio.create_task(two.lead(terms.work("two")))

    await asyncio.sleep(2 * SECONDS)
    assert (terms.acting, one.leading, two.leading) == ({"one"}, True, False)
    await end(first)
    await until(lambda: terms.acting == {"two"})

    assert [holder for holder, _ in terms.numbers] == ["one", "two"]
    assert terms.numbers[0][1] < terms.numbers[1][1]
    spec = (await world.lease("lease"))["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("two", terms.numbers[1][1])
    await end(second)
    assert (await world.lease("lease"))["spec"]["holderIdentity"] == ""


@pytest.mark.fault("F08")
async def test_a_leader_cut_off_stops_before_another_begins(
    cluster: Cluster, proxied: Cluster, proxy: Proxy
) -> None:
    terms = Terms()
    cut, other = candidate(proxied, "cut"), candidate(cluster, "other")
    first = asyncio.create_task(cut.lead(terms.work("cut")))
    await until(lambda: terms.acting)
    second = asyncio.create_task(other.lead(terms.work("other")))

    async def nothing(request: web.Request, go_on: Any) -> Any:
        await asyncio.sleep(60)

    proxy.fault = nothing
    await until(lambda: terms.acting == {"other"})

    assert terms.overlaps == 0
    assert not cut.leading
    proxy.fault = None
    await end(first, second)


async def test_a_renewal_whose_answer_is_lost_is_no_loss(proxied: Cluster, proxy: Proxy) -> None:
    terms = Terms()
    leader = candidate(proxied, "one")
    task = asyncio.create_task(leader.lead(terms.work("one")))
    await until(lambda: terms.acting)
    lost = 0

    async def lose(request: web.Request, go_on: Any) -> Any:
        nonlocal lost
        answer = await go_on()
        if request.method == "PUT" and lost < 2:
            lost += 1
            return web.Response(status=502, text="lost")
        return answer

    proxy.fault = lose
    await until(lambda: lost == 2)
    await asyncio.sleep(2 * SECONDS)

    assert (len(terms.numbers), leader.leading) == (1, True)
    await end(task)


async def test_a_leader_that_stood_still_knows_it_on_waking(cluster: Cluster) -> None:
    now = 100.0
    terms = Terms()
    leader = candidate(cluster, "one", lambda: now)
    task = asyncio.create_task(leader.lead(terms.work("one")))
    await until(lambda: terms.acting)

    assert leader.leading
    now += SECONDS
    assert not leader.leading

    await until(lambda: not terms.acting)
    await asyncio.wait_for(task, 60)


async def test_a_lease_that_was_deleted_begins_with_a_larger_number(
    cluster: Cluster, world: World
) -> None:
    terms = Terms()
    task = asyncio.create_task(candidate(cluster, "one").lead(terms.work("one")))
    await until(lambda: terms.acting)
    await world.delete_lease("lease")
    await asyncio.wait_for(task, 60)
    # The first number of a lease is the time in seconds.
    await asyncio.sleep(1.0)

    task = asyncio.create_task(candidate(cluster, "two").lead(terms.work("two")))
    await until(lambda: terms.acting == {"two"})

    assert terms.numbers[0][1] < terms.numbers[1][1] < 2**31
    await end(task)


@pytest.mark.row("G17")
async def test_with_a_clock_that_says_1970_only_a_first_lease_is_refused_and_that_is_said(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = Terms()
    wrong = SimpleNamespace(time=lambda: 0.0, monotonic=time.monotonic)
    with monkeypatch.context() as clock:
        clock.setattr(lease, "time", wrong)
        first = candidate(cluster, "first")
        task = asyncio.create_task(first.lead(terms.work("first")))
        await until(lambda: first.trouble)
        await end(task)
    # A number below those of an earlier lease would have all that it says passed over.
    assert "leaseTransitions" in first.trouble
    assert terms.numbers == []

    task = asyncio.create_task(candidate(cluster, "right").lead(terms.work("right")))
    await until(lambda: terms.acting)
    await end(task)
    monkeypatch.setattr(lease, "time", wrong)
    task = asyncio.create_task(candidate(cluster, "wrong").lead(terms.work("wrong")))
    await until(lambda: terms.acting == {"wrong"})

    assert terms.numbers[0][1] < terms.numbers[1][1]
    await end(task)


@pytest.mark.fault("F08")
async def test_of_many_candidates_one_leads(cluster: Cluster) -> None:
    terms = Terms()
    names = [f"c{number}" for number in range(6)]
    tasks = [asyncio.create_task(candidate(cluster, name).lead(terms.work(name))) for name in names]
    await until(lambda: terms.acting)

    await asyncio.sleep(2 * SECONDS)

    assert (len(terms.numbers), terms.overlaps) == (1, 0)
    await end(*tasks)


@pytest.mark.fault("F09")
async def test_a_server_that_is_away_is_asked_again(proxied: Cluster, proxy: Proxy) -> None:
    async def away(request: web.Request, go_on: Any) -> Any:
        return web.Response(status=503)

    proxy.fault = away
    terms = Terms()
    leader = candidate(proxied, "one")
    task = asyncio.create_task(leader.lead(terms.work("one")))
    await until(lambda: leader.trouble)

    proxy.fault = None
    await until(lambda: terms.acting)

    assert leader.trouble == ""
    await end(task)
