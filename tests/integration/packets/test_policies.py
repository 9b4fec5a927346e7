"""Whatever policies there are, packets get through exactly where the documentation says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from deploy.local.packets.lacking import lacking
from deploy.local.packets.probing import Probe
from tests.integration.packets.crowd import DENY_ALL, Crowd, arrivals
from tests.reading import connects
from tests.real import ALL_PACKETS, needs_packets
from tests.unit.local.packets.worlds import NAMESPACES, PORTS, World, any_world, pod

pytestmark = needs_packets

MOST = 6
# So many worlds are enforced beside each other, each on a node of its own.
AT_ONCE = 12
ROUNDS = 18 if ALL_PACKETS else 2
FLOWS = [*((each, port) for each in ("TCP", "UDP") for port in PORTS), ("ICMP", 0)]
_PORTS = tuple((f"p{port}{each.lower()}", each, port) for port in PORTS for each in ("TCP", "UDP"))

Question = tuple[str, str, str, int]


@pytest.mark.timeout(1200)
async def test_packets_get_through_where_the_documentation_says(tmp_path: Path) -> None:
    assert lacking() == ""
    chance = Random(216)
    closed = 0
    async with AsyncExitStack() as stack:
        nodes = [
            await stack.enter_async_context(Crowd(tmp_path / str(each), anybody()))
            for each in range(AT_ONCE)
        ]
        for number in range(ROUNDS):
            worlds = [any_world(chance, MOST) for _ in nodes]
            closed += await one_round(f"round {number}", list(zip(nodes, worlds, strict=True)))
    # A node that lets everything through would be found out long before.
    assert closed > 100 * ROUNDS


async def one_round(name: str, played: list[tuple[Crowd, World]]) -> int:
    """Compare all worlds at once; return how many packets had to be dropped."""
    await asyncio.gather(*(enforced(*each) for each in played))
    asked = [(node, world, each) for node, world in played for each in questions(world)]
    probes = [as_probe(node, *each) for node, _, each in asked]
    wanted = [documented(world, *each) for _, world, each in asked]

    found = await asyncio.to_thread(arrivals, probes, wanted)

    wrong = [
        f"{each}: documented {should}, in {world}"
        for (_, world, each), should, is_so in zip(asked, wanted, found, strict=True)
        if should != is_so
    ]
    assert wrong == [], name
    return wanted.count(False)


async def enforced(node: Crowd, world: World) -> None:
    await node.enforce(DENY_ALL)
    assert await node.drops("pod-0", "pod-1")
    await node.enforce(*world.policies, pods=world.pods)


def anybody() -> list[dict]:
    """Return as many pods as a world may have, at the addresses that a world's pods have."""
    return [
        pod(f"pod-{number}", f"10.0.{number % 2}.{number + 1}", ports=_PORTS)
        for number in range(MOST)
    ]


def questions(world: World) -> Iterator[Question]:
    names = [each["name"] for each in world.readable]
    for one in names:
        for two in names:
            for flow in FLOWS if one != two else ():
                yield one, two, *flow


def documented(world: World, one: str, two: str, protocol: str, port: int) -> bool:
    addresses = {each["name"]: each["ip"] for each in world.readable}
    return connects(
        world.policies, world.readable, addresses[one], addresses[two], protocol, port, NAMESPACES
    )


def as_probe(node: Crowd, one: str, two: str, protocol: str, port: int) -> Probe:
    return node.probe(one, two, protocol, port)
