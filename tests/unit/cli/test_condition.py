"""The condition of a running system: first what is wrong, in an order that does not change."""

from __future__ import annotations

import pytest

from agents.asking.condition import Letters, condition
from agents.asking.workers import Answers
from streams.records.policies import Outcome
from tests.unit.cli.rows import URL, WIDER, answers, key, outcome, patch, pod, rule, told

NONE = Letters([])
LETTER = {"key": "pod-events/0/7", "reason": "not-json"}


def kinds(found: dict) -> list[str]:
    return [each["kind"] for each in found["wrong"]]


def test_of_a_system_that_is_well_nothing_is_said() -> None:
    rows = {"wanted": {key("a"): patch("a")}, "policies": {key("a"): outcome("a")}}

    found = condition(answers(rows), NONE)

    assert (found["ready"], found["wrong"]) == (True, [])


def test_what_is_wrong_comes_in_one_order() -> None:
    bad = {"a": Outcome.FOREIGN, "b": Outcome.UNPROTECTED, "c": Outcome.REFUSED}
    rows = {
        "wanted": {key(name): patch(name) for name in "abc"}
        | {key("d"): patch("d", inexact=[WIDER])},
        "policies": {key(name): outcome(name, what) for name, what in bad.items()},
    }

    found = condition(answers(rows, ready=False, reasons=["rebalancing"]), Letters([LETTER]))

    assert kinds(found) == [
        *("not ready", "inexact", "refused", "unprotected", "foreign", "dead letters")
    ]
    assert found["wrong"][0]["detail"] == "rebalancing"
    assert "pod-events/0/7" in found["wrong"][-1]["detail"]


@pytest.mark.parametrize(
    "asked",
    [
        Answers({URL: told(ready=False)}, {}),
        Answers({URL: told()}, {"http://other": "refused"}),
        Answers({URL: told(), "http://other": told(ready="yes")}, {}),
    ],
)
def test_one_worker_that_is_not_ready_or_silent_makes_it_not_ready(asked: Answers) -> None:
    found = condition(asked, NONE)

    assert found["ready"] is False
    assert kinds(found) == ["not ready"]


def test_owners_that_may_not_be_read_are_said_and_make_nobody_less_ready() -> None:
    hands = {"pod_watcher": {"unread": ["GET /x: 403 Forbidden"], "error": ""}}

    found = condition(answers(hands=hands), NONE)

    assert (found["ready"], kinds(found)) == (True, ["owners not read"])
    assert "GET /x: 403 Forbidden" in found["wrong"][0]["detail"]


def test_an_outcome_that_a_newer_revision_waits_behind_is_no_complaint() -> None:
    rows = {
        "wanted": {key("a"): patch("a", offset=2)},
        "policies": {key("a"): outcome("a", Outcome.REFUSED, offset=1)},
    }

    found = condition(answers(rows), NONE)

    assert kinds(found) == []
    assert found["counts"]["pending"] == 1


def test_a_hand_in_trouble_is_named_and_leaves_the_worker_ready() -> None:
    hands = {"graph_keeper": {"error": "no answer within 120 s"}, "pod_watcher": {"error": ""}}

    found = condition(answers(hands=hands), NONE)

    assert found["ready"] is True
    assert [each["about"] for each in found["wrong"]] == ["worker-0 graph_keeper"]


def test_dead_letters_that_cannot_be_read_are_said_to_be_unknown() -> None:
    found = condition(answers(), Letters([], "broker: no answer"))

    assert found["ready"] is True
    assert found["wrong"] == [
        {"kind": "dead letters", "about": "not known", "detail": "broker: no answer"}
    ]


def test_what_lives_is_counted_over_all_workers() -> None:
    one = told({"pods": {key("a"): pod("a"), key("b"): pod("b", live=False)}}, lag={"t": {"0": 2}})
    two = told({"graph-rules": {"main|f|0|x": rule("10.0.0.1", "10.0.0.2")}}, worker="worker-1")

    found = condition(Answers({"http://b": two, "http://a": one}, {}), NONE)

    assert found["counts"] == {"workers": 2, "pods": 1, "rules": 1, "policies": 0, "pending": 0}
    assert [(each["worker"], each["lag"]) for each in found["workers"]] == [
        ("worker-0", 2),
        ("worker-1", 0),
    ]
