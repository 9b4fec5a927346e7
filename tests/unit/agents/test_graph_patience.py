"""Waits grow with failures, up to a bound, and end with a success."""

from __future__ import annotations

import pytest

from agents.graph_patience import FIRST_SECONDS, LONGEST_SECONDS, Patience


def test_waits_double_up_to_a_bound() -> None:
    patience = Patience()

    pauses = [patience.lost(0.0) for _ in range(12)]

    for failures, pause in enumerate(pauses):
        whole = min(LONGEST_SECONDS, FIRST_SECONDS * 2**failures)
        assert whole / 2 <= pause <= whole


@pytest.mark.parametrize("failures", [1, 2000])
def test_a_success_ends_the_wait(failures: int) -> None:
    patience = Patience()
    for _ in range(failures):
        pause = patience.lost(100.0)

    assert patience.waits(100.0)
    assert not patience.waits(100.0 + pause)
    patience.regained()
    assert not patience.waits(100.0)
    assert patience.lost(100.0) <= FIRST_SECONDS
