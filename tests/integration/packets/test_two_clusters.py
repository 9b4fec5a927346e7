"""A rule between two clusters opens exactly that, also where a router hides the ones' addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from deploy.local.packets.lacking import lacking
from deploy.local.packets.router import Side, joined
from streams.flow.crossing import Link
from tests.integration.packets.crowd import Crowd
from tests.integration.packets.everybody import Flow, Home, opened
from tests.integration.packets.hidden import seen_as
from tests.real import needs_packets
from tests.unit.flow.records import Routed, allow, change
from tests.unit.flow.test_crossing import ADDRESSES, GATES, HOMES, ONE, TWO, claim, manifests, world
from tests.unit.local.packets.worlds import pod

pytestmark = needs_packets

# One is hidden on its way to two, and two on its way to one is not.
LINKS = [Link(ONE, TWO, seen=(f"{GATES[ONE]}/32",)), Link(TWO, ONE)]
PORTS = (("http", "TCP", 80), ("more", "TCP", 81))
THERE, BACK = (allow(ADDRESSES[each[0]], ADDRESSES[each[1]]) for each in ("ac", "db"))


class Clusters:
    """Two networks of pods, joined, and who reaches whom."""

    def __init__(self, folder: Path) -> None:
        self.crowds = {
            home: Crowd(folder / home, [_pod(name) for name in HOMES if HOMES[name] == home])
            for home in (ONE, TWO)
        }

    async def enforce(self, routed: Routed) -> None:
        for home, crowd in self.crowds.items():
            await crowd.enforce(
                *({**each, "spec": each["spec"]} for each in manifests(routed, home))
            )

    async def opened(self, wanted: set[Flow]) -> set[Flow]:
        """Return what gets through, of all that anybody could send to anybody."""
        homes = {
            name: Home(self.crowds[home].namespace(name), ADDRESSES[name])
            for name, home in HOMES.items()
        }
        return await opened(homes, wanted)

    def seen(self, source: str, destination: str) -> str:
        ends = (ADDRESSES[source], ADDRESSES[destination])
        namespaces = (self.crowds[HOMES[each]].namespace(each) for each in (source, destination))
        return seen_as(*namespaces, ends, 8080)


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[Clusters]:
    """Have both clusters meanwhile, and the router between them."""
    assert lacking() == ""
    clusters = Clusters(folder)
    async with AsyncExitStack() as stack:
        for crowd in clusters.crowds.values():
            await stack.enter_async_context(crowd)
        stack.enter_context(
            joined(
                Side("one", folder / ONE, "10.1.0.0/16", hidden_behind=GATES[ONE]),
                Side("two", folder / TWO, "10.2.0.0/16"),
            )
        )
        yield clusters


def _pod(name: str) -> dict[str, Any]:
    return pod(name, ADDRESSES[name], app=name, ports=PORTS)


async def test_a_rule_between_clusters_opens_exactly_that_and_only_while_it_stands(
    tmp_path: Path,
) -> None:
    async with living(tmp_path) as clusters:
        for home in clusters.crowds.values():
            await home.enforce()
        # As the links say that they see each other.
        seen = await asyncio.to_thread(lambda: (clusters.seen("a", "c"), clusters.seen("d", "b")))
        assert seen == (GATES[ONE], ADDRESSES["d"])

        routed = world(LINKS, *map(claim, HOMES))
        await clusters.enforce(routed)
        assert await clusters.opened(set()) == set()

        routed.tell(change(0, added=(THERE,)))
        await clusters.enforce(routed)
        there = {("a", "c", "TCP", 80)}
        assert await clusters.opened(there) == there

        routed.tell(change(1, added=(BACK,)))
        await clusters.enforce(routed)
        both = {*there, ("d", "b", "TCP", 80)}
        assert await clusters.opened(both) == both

        routed.tell(change(2, removed=(THERE, BACK)))
        await clusters.enforce(routed)
        assert await clusters.opened(set()) == set()


async def test_whom_nobody_closes_in_one_comes_in_under_the_address_that_it_shares(
    tmp_path: Path,
) -> None:
    async with living(tmp_path) as clusters:
        routed = world(LINKS, *map(claim, HOMES), change(0, added=(THERE,)))
        await clusters.enforce(routed)
        others = [each for each in manifests(routed, ONE) if each["metadata"]["name"] != "b"]
        await clusters.crowds[ONE].enforce(*others)

        # Which is what the report says of it, and nothing more.
        shared = {("a", "c", "TCP", 80), ("b", "c", "TCP", 80)}
        assert {each for each in await clusters.opened(shared) if each[1] == "c"} == shared
