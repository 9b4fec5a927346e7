"""How much is written: counted at the two HTTP servers, never more than what follows."""

from __future__ import annotations

from tests.e2e.acting import Actor
from tests.e2e.conftest import Start

PODS = {f"pod-{letter}": f"10.244.7.{number}" for number, letter in enumerate("abcde", 11)}
A, B, C, D, E = PODS.values()


def allow(source: str, destination: str) -> dict[str, object]:
    return {
        "action": "ALLOW",
        "source": source,
        "destination": destination,
        "protocol": "TCP",
        "srcPort": "*",
        "dstPort": "80",
        "directional": True,
    }


async def spent(actor: Actor) -> tuple[int, int]:
    return len(actor.policy_writes()), len(actor.graph_writes())


async def test_each_event_costs_no_more_writes_than_what_it_changes(start: Start) -> None:
    actor = await start()
    for name, address in PODS.items():
        before = await spent(actor)
        await actor.create_pods({name: address})
        await actor.settled()
        policies, graph = await spent(actor)
        assert (policies - before[0], graph - before[1]) == (1, 2), name

    before = await spent(actor)
    await actor.write_rules([allow(A, B), allow(C, B)])
    await actor.settled()
    # One of Verefoo's writes is our own: somebody put the rules there.
    assert [now - then for now, then in zip(await spent(actor), before, strict=True)] == [3, 1]

    before = await spent(actor)
    await actor.write_rules([allow(C, B), allow(A, B)])
    await actor.settled()
    assert [now - then for now, then in zip(await spent(actor), before, strict=True)] == [0, 1]

    before = await spent(actor)
    await actor.delete_pod("pod-a")
    await actor.settled()
    policies, graph = await spent(actor)
    # Its own policy and its one peer's; the rule, the edge and the node.
    assert (policies - before[0], graph - before[1]) == (2, 3)

    before = await spent(actor)
    await actor.delete_pod("pod-e")
    await actor.settled()
    policies, graph = await spent(actor)
    assert (policies - before[0], graph - before[1]) == (1, 2)


async def test_an_unchanged_world_costs_nothing(start: Start) -> None:
    actor = await start(workers=2)
    await actor.create_pods(PODS)
    await actor.write_rules([allow(A, B), allow(C, B), allow(D, E)])
    await actor.settled()
    before, policies = await spent(actor), await actor.policies()

    # A wait is a listing and a poll.
    await actor.settled()
    assert await spent(actor) == before

    for topic in ("pod-events", "firewall-changes"):
        said = [(record.key, record.value) for record in await actor.consume(topic)]
        assert said
        for _ in range(2):
            await actor.produce(topic, said)
    await actor.settled()
    assert await spent(actor) == before

    await actor.world.workers.stop()
    await actor.world.workers.start()
    await actor.settled()
    assert await spent(actor) == before
    assert await actor.policies() == policies
    assert await actor.dead_letters() == {}
