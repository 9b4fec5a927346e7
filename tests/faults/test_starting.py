"""Everything starts in any order, and waits for what is not there yet."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from tests.faults.line import Trouble
from tests.faults.lines import LINED, lines_of
from tests.faults.trial import Record, Trial, trial
from tests.real import needs_java

LONG = pytest.mark.long
SERVERS = ("broker", "kube", "verefoo")
ABSENT = 60.0


@LONG
@needs_java
@pytest.mark.timeout(1200)
@pytest.mark.fault("F56")
async def test_everything_starts_in_any_order(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=60, rate=2, parts=LINED) as one:
        for order in permutations(SERVERS):
            await start_without(one, SERVERS)
            for server in order:
                await one.tend(5.0)
                suffer(one, (server,), Trouble())
            await one.tended()
        one.over()


@LONG
@needs_java
@pytest.mark.fault("F56")
@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_is_absent_at_the_start(
    tmp_path: Path, record_property: Record, server: str
) -> None:
    async with trial(tmp_path, record_property, bound=60, rate=2, parts=LINED) as one:
        await start_without(one, (server,))
        starts = await one.tend(ABSENT)
        record_property("starts", starts)
        suffer(one, (server,), Trouble())
        await one.tended()
        one.over()


async def start_without(one: Trial, servers: tuple[str, ...]) -> None:
    """Start all workers anew, while nobody answers for these servers."""
    await one.actor.world.workers.stop()
    suffer(one, servers, Trouble(refuses=True))
    for worker in one.workers:
        worker.start()


def suffer(one: Trial, servers: tuple[str, ...], trouble: Trouble) -> None:
    for lines in lines_of(one):
        for server in servers:
            getattr(lines, server).trouble = trouble
