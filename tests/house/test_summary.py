"""The end of a run says what ran, and what could not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.real import demand
from tests.summary import what_ran


def report(path: str, duration: float = 1.0, *keywords: str) -> Any:
    nodeid = f"tests/{path}.py::test_it"
    return SimpleNamespace(nodeid=nodeid, duration=duration, keywords=dict.fromkeys(keywords, 1))


def lacking(what: str) -> Any:
    """Return a test that needs something."""
    return SimpleNamespace(iter_markers=lambda name: [SimpleNamespace(args=(lambda: what,))])


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


def test_real_parts_have_lines_of_their_own() -> None:
    stats = {"passed": [report("e2e/test_z"), report("e2e/test_z", 2.0, "real")]}

    assert what_ran(stats) == [
        "e2e                1 passed, 1 s",
        "e2e on real parts  1 passed, 2 s",
    ]


def test_set_up_takes_time_but_is_no_test() -> None:
    stats = {"": [report("e2e/test_z", 4.0)], "passed": [report("e2e/test_z")]}

    assert what_ran(stats) == ["e2e  1 passed, 5 s"]


def test_what_is_no_report_of_a_test_is_not_counted() -> None:
    stats = {"warnings": [SimpleNamespace(nodeid="")], "error": [SimpleNamespace(when="collect")]}

    assert what_ran(stats) == []


def test_what_lacks_is_skipped_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="apt install java"):
        demand(lacking("apt install java"))


def test_in_ci_what_lacks_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="apt install java"):
        demand(lacking("apt install java"))


def test_what_lacks_nothing_runs() -> None:
    demand(lacking(""))
