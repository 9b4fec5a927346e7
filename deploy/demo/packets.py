"""What the kernel says about the story's pods: pings, connections and datagrams, really sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path

from deploy.demo.expected import ADDRESSES
from deploy.demo.show import Narrator
from deploy.demo.stage import NAMESPACE, until
from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import link_of
from deploy.local.packets.probing import WAIT, Probe, Verdict, probe_all

Pair = tuple[str, str]
Sent = tuple[str, str, str]

FLOWS = {"ping": ("ICMP", 0), "TCP 80": ("TCP", 80), "TCP 81": ("TCP", 81), "UDP 53": ("UDP", 53)}
# For looking often: what does not answer at once is sent again.
_BRIEFLY = 0.05


class Witness:
    """Sends packets between pods, and tells whether the right ones arrive."""

    def __init__(self, folder: Path, narrator: Narrator) -> None:
        self._folder = folder
        self._tell = narrator

    async def check(self, claim: str, wanted: Mapping[Pair, set[str]], pods: Iterable[str]) -> None:
        """Check that soon exactly this arrives between these pods; for the other pairs nothing."""
        names = tuple(pods)
        sent = [(*pair, flow) for pair in permutations(names, 2) for flow in FLOWS]
        right = {(*pair, flow) for pair, flows in wanted.items() for flow in flows}
        arrived: set[Sent] = set()

        async def is_so() -> bool:
            nonlocal arrived
            arrived = await self._arriving(sent)
            return arrived == right

        holds = await until(is_so) is not None
        self._tell.matrix(
            "What the kernel lets through",
            names,
            lambda *pair: ", ".join(flow for flow in FLOWS if (*pair, flow) in arrived),
        )
        self._tell.check(claim, holds)

    async def connects(self, claim: str, source: str, destination: str) -> None:
        """Tell how long it takes until a connection to port 80 comes about."""
        sent = [(source, destination, "TCP 80")]

        async def is_so() -> bool:
            return bool(await self._arriving(sent, _BRIEFLY))

        self._tell.took(claim, await until(is_so))

    async def _arriving(self, sent: Iterable[Sent], wait: float = WAIT) -> set[Sent]:
        with ExitStack() as stack:
            probes = {}
            for source, destination, flow in sent:
                namespace = Namespace.at(link_of(self._folder, NAMESPACE, source))
                stack.callback(namespace.close)
                ends = ADDRESSES[source], ADDRESSES[destination]
                probes[source, destination, flow] = Probe(namespace, *ends, *FLOWS[flow])
            seen = await asyncio.to_thread(probe_all, tuple(probes.values()), wait)
        # Where nobody listens a packet arrives as well.
        there = (Verdict.OPEN, Verdict.REFUSED)
        return {each for each, found in zip(probes, seen, strict=True) if found.verdict in there}
