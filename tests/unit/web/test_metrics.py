"""The metrics count, and their labels are bounded whatever is thrown at them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.metrics import MAX_VALUES, OTHER, Metrics, Words


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def series(metrics: Metrics, name: str) -> int:
    return sum(
        sample.name == name for family in metrics.registry.collect() for sample in family.samples
    )


def test_what_is_counted_is_shown_by_label() -> None:
    metrics = Metrics()

    for reason in ["too-large", "tombstone", "too-large"]:
        metrics.buried(reason)

    assert value(metrics, "vereflow_dead_letters_total", reason="too-large") == 2
    assert value(metrics, "vereflow_dead_letters_total", reason="tombstone") == 1


def test_policies_are_counted_as_they_are_computed() -> None:
    metrics = Metrics()

    metrics.compiled()
    metrics.compiled()

    assert value(metrics, "vereflow_policies_compiled_total") == 2


@pytest.mark.parametrize(
    ("count", "name"),
    [
        ("handled", "vereflow_records_handled_total"),
        ("buried", "vereflow_dead_letters_total"),
        ("outcome", "vereflow_outcomes_total"),
        ("inexact", "vereflow_inexact_total"),
    ],
)
@pytest.mark.row("W11")
def test_a_hundred_thousand_names_are_a_few_series(count: str, name: str) -> None:
    metrics = Metrics()

    for number in range(100_000):
        getattr(metrics, count)(f"pod-{number}")

    assert series(metrics, name) == MAX_VALUES + 1


@given(st.lists(st.text(), max_size=100))
def test_a_label_is_a_plain_word_and_there_are_few_of_them(texts: list[str]) -> None:
    words = Words(limit=5)

    seen = {words(text) for text in texts}

    assert len(seen) <= 6
    assert all(word.isascii() and word.isprintable() and " " not in word for word in seen)


def test_a_known_word_is_still_itself_when_there_is_no_room_for_others() -> None:
    words = Words(limit=1)

    assert [words("a"), words("b"), words("a")] == ["a", OTHER, "a"]


def test_a_topic_that_went_away_keeps_no_figure() -> None:
    metrics = Metrics()
    metrics.lag({"pod-events": 3, "graph-facts": 1})

    metrics.lag({"graph-facts": 0})

    assert value(metrics, "vereflow_consumer_lag", topic="pod-events") is None
    assert value(metrics, "vereflow_consumer_lag", topic="graph-facts") == 0


@pytest.mark.row("G17")
def test_time_that_runs_backwards_counts_as_none() -> None:
    metrics = Metrics()

    metrics.applied(-3.0)

    assert value(metrics, "vereflow_applied_seconds_sum") == 0
    assert value(metrics, "vereflow_applied_seconds_count") == 1


def test_gauges_show_what_was_said_last() -> None:
    metrics = Metrics()
    for is_so in (True, False):
        metrics.ready(is_so)
        metrics.aligned("main", is_so)
        metrics.pending(int(is_so))

    assert value(metrics, "vereflow_ready") == 0
    assert value(metrics, "vereflow_graph_aligned", graph="main") == 0
    assert value(metrics, "vereflow_pending_policies") == 0


def test_two_apps_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()

    first.handled("pod-tracker")

    assert value(first, "vereflow_records_handled_total", topic="pod-tracker") == 1
    assert value(second, "vereflow_records_handled_total", topic="pod-tracker") is None
