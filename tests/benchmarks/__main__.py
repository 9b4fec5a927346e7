"""Print every figure, ours beside its limit from the same run.

``python -m tests.benchmarks [PART ...]`` measures some parts; ``LENGTH=0.05`` for so much of the
time, to see that it runs.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from deploy.local.broker import quirks
from tests.benchmarks import packets, routing, verifying
from tests.benchmarks.computing import computing
from tests.benchmarks.crowd import crowd
from tests.benchmarks.cycles import cycles
from tests.benchmarks.figures import Figure, show
from tests.benchmarks.pages import pages
from tests.benchmarks.steady import steady
from tests.e2e.conftest import EMBEDDED, REAL
from tests.real import go_lacks, java_lacks

LENGTH = float(os.environ.get("LENGTH", "1"))
PARTS: dict[str, Callable[[Path, dict[str, Any], float], AsyncIterator[Figure]]] = {
    "steady": steady,
    "crowd": crowd,
    "cycles": cycles,
    "pages": pages,
}


async def measure(names: list[str]) -> list[Figure]:
    """Return the figures of some parts, each printed when it is there."""
    # The bare hop has the embedded broker's cure as well.
    quirks.install()
    lacks = java_lacks() or go_lacks()
    print(lacks or "Apache Kafka and kube-apiserver", flush=True)
    found = [computing()]
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            async for figure in PARTS[name](Path(folder), EMBEDDED if lacks else REAL, LENGTH):
                print(*figure, sep=" | ", flush=True)
                found.append(figure)
    return found


async def beside() -> None:
    """Print what no goal is set for: the router alone, verify, and real packets."""
    routing.main()
    verifying.main()
    await packets.node_alone()
    await packets.main(EMBEDDED if java_lacks() or go_lacks() else REAL)


if __name__ == "__main__":
    show(asyncio.run(measure(sys.argv[1:] or list(PARTS))))
    if not sys.argv[1:]:
        asyncio.run(beside())
