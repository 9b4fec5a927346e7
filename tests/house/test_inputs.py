"""Every row of the checklist is tried by a test that bears its id, or it is said why not."""

from __future__ import annotations

from tests.house.pages.inputs import tried
from tests.inputs.catalog import INPUTS, UNTRIED


def test_the_checklist_has_all_its_rows() -> None:
    many = {"E": 48, "X": 28, "R": 17, "W": 15, "G": 24}
    ids = [f"{kind}{n:02}" for kind, last in many.items() for n in range(1, last + 1)]

    assert [*ids, "L"] == list(INPUTS)


def test_every_row_is_tried_or_it_is_said_why_not() -> None:
    assert tried().keys() | UNTRIED.keys() == INPUTS.keys()


def test_what_is_tried_is_not_said_to_be_untried() -> None:
    assert tried().keys() & UNTRIED.keys() == set()
