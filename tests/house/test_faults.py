"""Every fault of the catalogue is tried by a test that bears its id, or it is said why not."""

from __future__ import annotations

from typing import NamedTuple

from tests.faults.catalog import FAULTS, UNTRIED
from tests.faults.report import lines, rows
from tests.house.pages.marks import marked


class Report(NamedTuple):
    """What pytest files about a test that ended."""

    user_properties: list[tuple[str, object]]


def test_every_fault_is_tried_or_it_is_said_why_not() -> None:
    assert marked("fault").keys() | UNTRIED.keys() == FAULTS.keys()


def test_what_is_tried_is_not_said_to_be_untried() -> None:
    assert marked("fault").keys() & UNTRIED.keys() == set()


def test_the_table_counts_and_keeps_the_slowest_recovery() -> None:
    def ended(*ids: str, **said: object) -> Report:
        return Report([("faults", list(ids)), *said.items()])

    stats = {
        "passed": [
            ended("F20", recovery=2.0, bound=13, kills=4, violations=0),
            ended("F20", "F22", recovery=5.0, bound=30, kills=1, violations=0),
            ended("F03"),
            Report([]),
        ],
        "failed": [ended("F20", recovery=1.0, bound=13, kills=2, violations=3)],
    }

    found = {row.id: row for row in rows(stats)}

    assert list(found) == ["F03", "F20", "F22"]
    assert found["F20"][1:] == (3, 1, 7, 3, 5.0, 30)
    assert found["F03"][1:] == (1, 0, 0, 0, 0.0, 0.0)
    assert lines(stats)[-1] == "3 of 60 faults, 8 kills, 3 violations"
    assert lines({"passed": [Report([])]}) == []
