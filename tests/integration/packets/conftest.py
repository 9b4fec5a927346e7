"""A crowd of three, of which it is known that a deny denies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.packets.lacking import lacking
from tests.integration.packets.crowd import DENY_ALL, Crowd
from tests.unit.local.packets.worlds import pod

PORTS = (("http", "TCP", 80), ("web", "TCP", 8080), ("dns", "UDP", 53))
PODS = [
    pod("a", "10.0.0.1", app="a", ports=PORTS),
    pod("b", "10.0.0.2", app="b", ports=PORTS),
    pod("c", "10.0.0.3", app="c"),
]


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[Crowd]:
    assert lacking() == ""
    async with Crowd(tmp_path / "packets", PODS) as crowd:
        # A node whose ruleset was never loaded leaves everything open, and "open" proves nothing.
        await crowd.enforce(DENY_ALL)
        assert await crowd.drops("a", "b")
        await crowd.enforce()
        yield crowd
