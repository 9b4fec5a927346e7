"""What several workers say becomes one answer."""

from __future__ import annotations

import itertools

import pytest

from agents.asking.workers import Answers
from streams.flow.tracker import PodRow
from tests.unit.cli.rows import key, outcome, pod, told

ONE, TWO, THREE = "http://one", "http://two", "http://three"


@pytest.mark.parametrize("order", list(itertools.permutations([ONE, TWO, THREE])))
def test_rows_of_all_workers_are_put_together_whoever_answers_first(order: tuple[str]) -> None:
    held = {
        ONE: told({"pods": {key("b"): pod("b")}}),
        TWO: told({"pods": {key("a"): pod("a"), key("c"): pod("c")}}),
        THREE: told({"pods": {}}),
    }

    rows = Answers({url: held[url] for url in order}, {}).rows("pods", PodRow)

    assert rows == {key(name): pod(name) for name in "abc"}
    assert [*rows] == sorted(rows)


@pytest.mark.parametrize("order", list(itertools.permutations([ONE, TWO])))
def test_of_two_that_hold_one_row_the_one_with_whole_tables_is_believed(order: tuple[str]) -> None:
    held = {
        ONE: told({"pods": {key("a"): pod("a", address="10.0.0.8")}}, complete=False),
        TWO: told({"pods": {key("a"): pod("a", address="10.0.0.9")}}),
    }

    rows = Answers({url: held[url] for url in order}, {}).rows("pods", PodRow)

    assert rows[key("a")].pod.address == "10.0.0.9"


def test_rows_of_another_kind_are_nobodys() -> None:
    found = Answers({ONE: told({"pods": {key("a"): outcome("a")}})}, {})

    assert found.rows("pods", PodRow) == {}


def test_a_table_that_nobody_has_is_another_parts() -> None:
    found = Answers({ONE: told({"pods": {}}), TWO: told({"wanted": {}})}, {})

    assert found.apart(["wanted", "policies", "pods"]) == ["policies"]


def test_whoever_is_silent_or_incomplete_is_named() -> None:
    found = Answers({ONE: told(), TWO: told(complete=False)}, {THREE: "refused"})

    silent, incomplete = found.gaps()

    assert THREE in silent
    assert "refused" in silent
    assert TWO in incomplete
    assert Answers({ONE: told()}, {}).gaps() == []
