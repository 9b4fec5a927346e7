"""Thousands of worlds: whatever fails in them, what was promised holds.

``SIMULATED_WORLDS`` says how many; a world that fails is replayed with a trace by
``python -m tests.simulation SEED``.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.playing import play
from tests.simulation.running import ALL_FAULTS, NO_FAULTS, Faults

WORLDS = int(os.environ.get("SIMULATED_WORLDS", "1000"))
BATCHES = 10


def wrong_in(seeds: range, faults: Faults, limit: int | None = None) -> dict[int, list[str]]:
    played = {seed: play(seed, faults=faults, limit=limit) for seed in seeds}
    # Three show as well as a hundred that something is wrong, and each can be played again.
    found = {seed: wrong for seed, wrong in played.items() if wrong}
    return dict(list(found.items())[:3])


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.fault("F08", "F20", "F22", "F49")
def test_worlds_with_crashes_zombies_and_two_leaders_keep_every_promise(batch):
    each = max(1, WORLDS // BATCHES)

    assert wrong_in(range(batch * each, (batch + 1) * each), ALL_FAULTS) == {}


@pytest.mark.parametrize(
    "faults",
    [
        NO_FAULTS,
        Faults(crashes=False, zombies=True, changes_of_leader=True),
        Faults(crashes=True, zombies=True, changes_of_leader=False),
    ],
    ids=["no-faults", "leaders", "crashes"],
)
def test_worlds_with_some_faults_keep_every_promise(faults):
    assert wrong_in(range(10_000, 10_000 + max(1, WORLDS // 10)), faults) == {}


@pytest.mark.row("X26")
@pytest.mark.parametrize("limit", [0, 2])
def test_worlds_in_which_changes_are_limited_keep_every_promise(limit):
    seeds = range(20_000, 20_000 + max(1, WORLDS // 40))

    assert wrong_in(seeds, ALL_FAULTS, limit) == {}


# Worlds that went wrong once, and would not be met again in so few.
@pytest.mark.parametrize("seed", [26185])
def test_a_world_that_went_wrong_goes_right(seed):
    assert play(seed) == []


def test_a_seed_is_a_world():
    first, second = [], []

    play(3, trace=first.append)
    play(3, trace=second.append)

    assert first == second
    assert any("crash" in line for line in first)
