"""Pods that are long gone leave no rows; those a late record might name stay."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agents import outcome_recorder, policy_applier
from streams.flow import compiler, tracker
from streams.flow.lateness import FORGET_EVERY, LATEST, is_time
from streams.records.cause import Cause, Source
from streams.records.policies import Outcome, PatchOutcome, PodRules, PolicyPatch
from streams.records.views import PodRef
from tests.unit.flow.records import COMPILING, GRAPH, TRACKING, five, listed, told

DAYS = 86_400.0
NOW = 100 * DAYS
KEY = "local/default/a"
POD = PodRef(cluster="local", namespace="default", name="a", uid="u", labels={"app": "a"})
LONG_AGO, LATELY = NOW - LATEST - 1, NOW - LATEST + 1


def place(offset: int, at: float) -> Source:
    return Source(topic="t", partition=0, offset=offset, at=at)


def cause(at: float) -> Cause:
    return place(0, at).cause()


def tracked(at: float, *events: str) -> dict[str, tracker.PodRow]:
    rows: dict[str, tracker.PodRow] = {}
    for offset, event in enumerate(events):
        pod = told(event, "u", "10.0.0.1", offset)
        tracker.handle(rows, pod, pod.key("local"), place(offset, at), TRACKING)
    return rows


@pytest.mark.parametrize(
    ("events", "at", "committed", "kept"),
    [
        (("ADDED", "DELETED"), LONG_AGO, 5, False),
        (("ADDED", "DELETED"), LATELY, 5, True),
        (("ADDED", "DELETED"), LONG_AGO, 1, True),
        (("ADDED",), LONG_AGO, 5, True),
    ],
    ids=["long-gone", "gone-lately", "not-committed", "alive"],
)
def test_a_pod_is_forgotten_a_day_after_its_end_was_committed(
    events: tuple[str, ...], at: float, committed: int, kept: bool
) -> None:
    rows = tracked(at, *events)

    tracker.forget(rows, committed, NOW)

    assert (KEY in rows) is kept


def test_the_newest_listing_is_never_forgotten() -> None:
    rows: dict[str, tracker.PodRow] = {}
    mark = told("ADDED", "u", None, 0).model_copy(update={"mark": listed(3)})
    tracker.handle(rows, mark, "", place(0, LONG_AGO), TRACKING)
    before = dict(rows)

    tracker.forget(rows, 5, NOW)

    assert rows == before != {}


def test_short_lived_pods_leave_a_day_of_rows() -> None:
    rows: dict[str, tracker.PodRow] = {}
    offset = 0
    for minute in range(4 * 24 * 60):
        for event in ("ADDED", "DELETED"):
            at = NOW + 60 * minute
            if is_time(place(offset, at)):
                tracker.forget(rows, offset, at)
            pod = five(event, "10.0.0.1", name=f"job-{minute}")
            tracker.handle(rows, pod, pod.key("local"), place(offset, at), TRACKING)
            offset += 1

    assert 24 * 60 <= len(rows) <= 24 * 60 + FORGET_EVERY


def compiled(at: float, *gone: bool) -> dict[str, compiler.PodRulesRow]:
    rows: dict[str, compiler.PodRulesRow] = {}
    for offset, is_gone in enumerate(gone):
        view = PodRules(
            graph=GRAPH, subject=POD, gone=is_gone, revision=offset, epoch=1, cause=cause(at)
        )
        compiler.handle(rows, view, KEY, place(offset, at), COMPILING)
    return rows


@pytest.mark.parametrize(
    ("views", "at", "committed", "kept"),
    [
        ((False, True), LONG_AGO, 5, False),
        ((False, True), LATELY, 5, True),
        ((False, True), LONG_AGO, 1, True),
        ((False,), LONG_AGO, 5, True),
    ],
    ids=["long-gone", "gone-lately", "not-committed", "alive"],
)
def test_the_rules_of_a_pod_are_forgotten_like_the_pod(
    views: tuple[bool, ...], at: float, committed: int, kept: bool
) -> None:
    rows = compiled(at, *views)

    compiler.forget(rows, committed, NOW)

    assert (KEY in rows) is kept


@pytest.mark.parametrize(
    ("said", "at", "stored", "kept"),
    [
        ({}, LONG_AGO, False, False),
        ({}, LATELY, False, True),
        ({}, LONG_AGO, True, True),
        ({"manifest": {"spec": {}}}, LONG_AGO, False, True),
        ({"unprotected": "no label"}, LONG_AGO, False, True),
    ],
    ids=["long-gone", "gone-lately", "still-stored", "wanted", "unprotected"],
)
def test_a_removal_is_forgotten_once_the_policy_is_gone(
    said: dict[str, object], at: float, stored: bool, kept: bool
) -> None:
    rows = {KEY: PolicyPatch(key=KEY, cause=cause(at)).model_copy(update=said)}

    policy_applier.forget(rows, lambda key: stored and key == KEY, NOW)

    assert (KEY in rows) is kept


@pytest.mark.parametrize(
    ("outcome", "at", "kept"),
    [
        (Outcome.DELETED, LONG_AGO, False),
        (Outcome.DELETED, LATELY, True),
        (Outcome.APPLIED, LONG_AGO, True),
        (Outcome.REFUSED, LONG_AGO, True),
    ],
)
def test_what_became_of_a_policy_is_forgotten_with_it(
    outcome: Outcome, at: float, kept: bool
) -> None:
    rows = {KEY: PatchOutcome(key=KEY, outcome=outcome, at=at)}

    outcome_recorder.forget(rows, NOW)

    assert (KEY in rows) is kept


def test_rows_are_gone_through_now_and_then() -> None:
    times = [offset for offset in range(5 * FORGET_EVERY) if is_time(place(offset, NOW))]

    assert [later - earlier for earlier, later in pairwise(times)] == [FORGET_EVERY] * 4
