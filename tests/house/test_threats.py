"""What stands in the way of a threat is tried by a test that bears its id."""

from __future__ import annotations

from tests.house.pages.marks import marked
from tests.house.threats import THREATS


def test_every_threat_is_tried() -> None:
    assert marked("threat").keys() == THREATS.keys()
