"""Clocks jump, and those of two workers disagree: nothing is decided by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.clock import Clock
from tests.faults.trial import Record, trial

HOUR = 3600.0


@pytest.mark.long
@pytest.mark.fault("F53")
async def test_clocks_jump_and_disagree(tmp_path: Path, record_property: Record) -> None:
    async with trial(tmp_path, record_property, bound=60) as one:
        clocks = [Clock(tmp_path, worker) for worker in one.workers]
        for shifts in ((0, 0), (HOUR, HOUR), (-HOUR, -HOUR), (300, 0), (0, 300)):
            for clock, shift in zip(clocks, shifts, strict=True):
                clock.set(shift)
            await one.fed(60)
            # Whoever leads, and whoever holds what, is another one each time, at any hour.
            for worker in one.workers:
                await one.kill(worker)
            await one.fed(60)
        one.over()
