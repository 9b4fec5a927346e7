"""Who reaches whom, of all pods of all clusters: packets tried both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from itertools import permutations
from typing import NamedTuple

from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.probing import Probe
from tests.integration.packets.crowd import arrivals

KINDS = [("TCP", 80), ("TCP", 81), ("ICMP", 0)]
# Who, to whom, by what, to which port.
Flow = tuple[str, str, str, int]


class Home(NamedTuple):
    """Where a pod lives."""

    namespace: Namespace
    address: str


async def opened(homes: Mapping[str, Home], wanted: Collection[Flow]) -> set[Flow]:
    """Return what gets through, of all that anybody could send to anybody."""
    asked: list[Flow] = [(*pair, *kind) for pair in permutations(homes, 2) for kind in KINDS]
    probes = [
        Probe(homes[source].namespace, homes[source].address, homes[destination].address, *kind)
        for source, destination, *kind in asked
    ]
    found = await asyncio.to_thread(arrivals, probes, [each in wanted for each in asked])
    return {each for each, arrived in zip(asked, found, strict=True) if arrived}
