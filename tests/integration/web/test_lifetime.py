"""Health and readiness of a real worker, from before it is ready until it stops."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.integration.web.recorder import STUCK_KEY
from tests.integration.web.workers import Worker, running, send, stop, until


@pytest.mark.row("G24")
@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGHUP])
async def test_a_worker_answers_before_it_is_ready_and_ends_when_asked(
    tmp_path: Path, asked: signal.Signals
) -> None:
    async with running(tmp_path, 1) as (_, [worker]):
        seen: list[tuple[int | None, int | None]] = []

        async def ready() -> bool:
            seen.append((await worker.status_of("/readyz"), await worker.status_of("/healthz")))
            return seen[-1][0] == 200

        await until(ready, "ready")
        # Neither a connection that is kept nor an open page may hold up the end.
        async with worker.client.stream("GET", "/events"):
            status = await stop(worker, asked)

    answered = [pair for pair in seen if None not in pair]
    assert (503, 200) in answered
    assert {health for _, health in answered} == {200}
    assert status == 0


async def test_a_record_that_is_never_done_makes_its_worker_unhealthy(tmp_path: Path) -> None:
    async with running(tmp_path, 1) as (broker, [worker]):
        await until(worker.is_ready, "ready")
        await send(broker, ["local/default/a"])
        await until(lambda: _has(worker, "local/default/a"), "a row")
        before = await worker.status_of("/healthz")
        await send(broker, [STUCK_KEY])

        async def wedged() -> bool:
            return await worker.status_of("/healthz") == 503

        await until(wedged, "wedged")
        reasons = (await worker.json("/healthz"))["reasons"]
        readiness = await worker.client.get("/readyz")

    assert before == 200
    assert len(reasons) == 1
    assert reasons[0].startswith("handling of patch-outcomes/")
    assert readiness.status_code == 503


async def _has(worker: Worker, key: str) -> bool:
    return key in await worker.keys()
