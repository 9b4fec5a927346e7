"""The end of a run says what ran."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.summary import what_ran


def report(path: str, duration: float = 1.0) -> Any:
    return SimpleNamespace(nodeid=f"tests/{path}.py::test_it", duration=duration)


def test_every_kind_has_a_line_with_its_counts() -> None:
    stats = {
        "passed": [report("unit/a/test_x"), report("unit/test_y"), report("e2e/test_z")],
        "failed": [report("e2e/test_z")],
        "skipped": [report("conformance/k/test_c", 0.0)],
        "error": [report("e2e/test_z")],
    }

    assert what_ran(stats) == [
        "conformance  1 skipped, 0 s",
        "e2e          1 passed, 1 failed, 1 error, 3 s",
        "unit         2 passed, 2 s",
    ]


def test_set_up_takes_time_but_is_no_test() -> None:
    stats = {"": [report("e2e/test_z", 4.0)], "passed": [report("e2e/test_z")]}

    assert what_ran(stats) == ["e2e          1 passed, 5 s"]


def test_what_is_no_report_of_a_test_is_not_counted() -> None:
    stats = {"warnings": [SimpleNamespace(nodeid="")], "error": [SimpleNamespace(when="collect")]}

    assert what_ran(stats) == []
