"""Every bound on what an event may cost is held by a test that bears its id."""

from __future__ import annotations

from tests.house.pages.marks import marked


def test_every_bound_is_held_by_a_test() -> None:
    assert marked("count").keys() == {f"C{number}" for number in range(1, 10)}
