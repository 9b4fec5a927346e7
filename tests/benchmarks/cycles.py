"""P9: pods come and go by the thousand, and the worker is as small as before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure, growth
from tests.benchmarks.ground import ground

CYCLES = 20
LOOKED_AT = 8
PODS = 2000


async def cycles(folder: Path, parts: dict[str, Any], length: float) -> AsyncIterator[Figure]:
    """Yield how the worker's memory grows over the last cycles."""
    pods = max(50, int(PODS * length))
    async with ground(folder, 1, parts) as world:
        memory = []
        for _ in range(CYCLES):
            await world.grow(pods)
            await world.shrink(0)
            memory.append(world.resident())
    first, then, last = memory[0], memory[-LOOKED_AT], memory[-1]
    slope = growth(memory[-LOOKED_AT:])
    yield Figure(
        "P9",
        f"{CYCLES} times {pods} pods come and go",
        f"{first:.0f} MB, then {then:.0f} to {last:.0f} MB, {slope:+.2%} a cycle",
        "< 2 % a cycle",
        slope < 0.02,
    )
