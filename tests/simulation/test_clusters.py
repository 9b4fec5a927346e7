"""Worlds of two clusters with every fault: a watcher and an applier at each, and one core."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.flow import router
from streams.flow.index import GraphIndex
from tests.simulation.clustered import ClustersRun
from tests.simulation.playing import play
from tests.simulation.running import ALL_FAULTS, NO_FAULTS, Faults
from tests.simulation.test_worlds import WORLDS

EACH = max(1, WORLDS // 50)


def played(seed: int, faults: Faults = ALL_FAULTS) -> list[str]:
    try:
        return play(seed, faults=faults, world=ClustersRun)
    except Exception as error:
        return [repr(error)]


@pytest.mark.parametrize("batch", range(2))
@pytest.mark.fault("F08", "F20", "F22", "F49")
def test_worlds_of_two_clusters_keep_every_promise(batch):
    seeds = range(batch * EACH, (batch + 1) * EACH)

    assert {seed: wrong for seed in seeds if (wrong := played(seed))} == {}


def test_worlds_of_two_clusters_without_faults_write_nothing_twice():
    seeds = range(10_000, 10_000 + EACH // 2)

    assert {seed: wrong for seed in seeds if (wrong := played(seed, NO_FAULTS))} == {}


def an_address_may_be_anybodys(patch):
    patch.setattr(GraphIndex, "is_only", lambda index, address, key: True)


def who_meets_a_pod_by_its_address_is_not_told(patch):
    patch.setattr(router, "met_by_address", lambda index, key, moved, links: ())


@pytest.mark.parametrize(
    "mutate", [an_address_may_be_anybodys, who_meets_a_pod_by_its_address_is_not_told]
)
def test_without_this_line_some_world_of_two_clusters_goes_wrong(mutate: Callable):
    with pytest.MonkeyPatch.context() as patch:
        mutate(patch)
        seed = next((seed for seed in range(20) if played(seed)), None)

    assert seed is not None
