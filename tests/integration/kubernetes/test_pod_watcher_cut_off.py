"""A watcher whose server lags behind deletes nothing; one whose broker is silent lets go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from agents.clients.kubernetes import Cluster
from streams.flow.output import Send
from streams.records.marks import MarkKind
from tests.integration.kubernetes.watching import (
    complete,
    marks,
    names,
    watching,
)
from tests.integration.kubernetes.world import Proxy, Records, World, until


@pytest.mark.fault("F06")
async def test_a_server_that_lags_behind_deletes_nothing(
    proxied: Cluster, proxy: Proxy, world: World
) -> None:
    records = Records()
    await world.add_pod("pod-a", "10.1.0.1")
    old = await world.listed_pods()
    await world.add_pod("pod-b", "10.1.0.2")
    lagging = Lagging(old)
    proxy.fault = lagging

    async with watching(proxied, records):
        await until(lambda: complete(records))
        assert {"ADDED pod-a", "ADDED pod-b"} <= set(named(records))
        await until(lambda: lagging.refused >= 2)
        proxy.fault = None
        await world.delete_pod("pod-a")
        await until(lambda: "DELETED pod-a" in names(records))

    assert "DELETED pod-b" not in names(records)


def named(records: Records) -> list[str]:
    """Return what was told up to the end of the first listing: what is not there is gone."""
    _, end = marks(records, MarkKind.LIST_COMPLETE)[0]
    listing = Records()
    listing.sent = records.sent[: records.sent.index(end)]
    return names(listing)


class Lagging:
    """A server behind another: what may be old is old here, and newer places are unknown."""

    def __init__(self, old: dict[str, Any]) -> None:
        self.refused = 0
        self._old = old

    async def __call__(self, request: web.Request, go_on: Callable[[], Any]) -> Any:
        asked = request.query
        if request.method != "GET" or not request.path.endswith("/pods"):
            return await go_on()
        known = self._old["metadata"]["resourceVersion"]
        if asked.get("watch") and asked["resourceVersion"] != known:
            self.refused += 1
            told = {"code": 504, "reason": "Timeout", "message": "Too large resource version"}
            return web.json_response({"kind": "Status", **told}, status=504)
        if not asked.get("watch") and "resourceVersion" in asked:
            return web.json_response(self._old)
        return await go_on()


@pytest.mark.fault("F55")
async def test_whom_the_broker_does_not_answer_leaves_the_lease_to_another(
    cluster: Cluster, world: World
) -> None:
    records = Records()

    async def emit(output: Send) -> None:
        await asyncio.Event().wait()

    async with watching(cluster, Records(), "cut", emit=emit, emit_seconds=0.5) as cut:
        await until(lambda: cut.leading)
        async with watching(cluster, records, "other") as other:
            await world.add_pod("pod-a", "10.1.0.1")
            await until(lambda: "ADDED pod-a" in names(records))

            assert other.leading
            assert not cut.leading
