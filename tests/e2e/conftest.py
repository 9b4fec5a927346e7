"""End to end: the whole local world, as `vereflow up` starts it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from deploy.local_cluster import APISERVER
from tests.e2e.acting import Actor, acting
from tests.real import needs_go, needs_java

EMBEDDED: dict[str, Any] = {}
# What a cluster has, except kubelets: theirs is the stand-in of the embedded world.
REAL = {"broker": "kafka", "kube": APISERVER}
WORLDS = [
    pytest.param(EMBEDDED, id="embedded"),
    pytest.param(REAL, id="real", marks=(needs_java, needs_go)),
]
Start = Callable[..., Awaitable[Actor]]


@pytest.fixture(params=WORLDS)
async def start(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Start]:
    """Start a world with so many workers; it ends with the test. Each test runs in every world."""
    async with AsyncExitStack() as stack:

        async def begin(workers: int = 1) -> Actor:
            return await stack.enter_async_context(acting(tmp_path, workers, **request.param))

        yield begin
