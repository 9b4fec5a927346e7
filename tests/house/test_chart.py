"""What the chart repeats is what the code says, and its dashboards ask for metrics that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from agents.metrics import Metrics
from streams.records.policies import Outcome
from tests.house.pages import chart
from tests.house.pages.chart import CHART

WRITTEN: dict[str, Callable[[], str]] = {
    "values.schema.json": chart.values_schema,
    "files/topics.yaml": chart.chart_topics,
    "README.md": chart.chart_readme,
}
# What a scrape adds to each series.
TARGET = {"pod", "instance", "job", "namespace"}
WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool"}
OPERATORS = {"and", "or", "unless"}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_of_the_chart_is_what_would_be_written_now(
    name: str, request: pytest.FixtureRequest
) -> None:
    path, text = CHART / name, WRITTEN[name]()
    if request.config.getoption("--update-docs", default=False):
        path.write_text(text)

    assert path.read_text() == text, "run `make docs`, and read the difference"


def test_every_value_says_what_it_is_for() -> None:
    told = list(chart.described())

    assert len(told) > 40
    assert [name for name, _, what in told if not what] == []


def test_the_chart_is_of_this_version() -> None:
    from importlib.metadata import version

    told = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert told["version"] == told["appVersion"] == version("vereflow")


class Series(set[str]):
    """The names of all series that a worker has, and of their labels."""

    def __init__(self) -> None:
        super().__init__()
        self.labels = set(TARGET)
        metrics = Metrics()
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        for family in metrics.registry.collect():
            self.update(family.name + each for each in suffixes.get(family.type, ("",)))
        for collector in vars(metrics).values():
            self.labels.update(getattr(collector, "_labelnames", ()))
            self.labels.update({"le"} if getattr(collector, "_upper_bounds", None) else ())


def queries() -> Iterator[str]:
    """Yield every query of the alerts and of the dashboard."""
    for group in alerts()["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in dashboard()["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def alerts() -> Any:
    return yaml.safe_load((CHART / "files/alerts.yaml").read_text())


def dashboard() -> Any:
    return json.loads((CHART / "files/dashboard.json").read_text())


def named(query: str) -> tuple[set[str], set[str]]:
    """Return the metrics and the labels that a query names."""
    bare = re.sub(r'"[^"]*"', "", query)
    groups = re.findall(r"\{([^}]*)\}|\b(?:by|without|on|ignoring|group_left)\s*\(([^)]*)\)", bare)
    labels = {word for pair in groups for part in pair for word in re.findall(r"[a-z_]+", part)}
    bare = re.sub(
        r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left)\s*\([^)]*\)", " ", bare
    )
    words = re.findall(r"\b([a-z_]\w*)\b(?!\s*\()", re.sub(r"\b\d\w*", " ", bare))
    return set(words) - WORDS - OPERATORS, labels


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_a_query_asks_for_what_a_worker_says(query: str) -> None:
    metrics, labels = named(query)
    series = Series()

    assert metrics
    assert metrics - series == set()
    assert labels - series.labels == set()


def test_most_of_what_a_worker_says_is_shown() -> None:
    shown = set[str]().union(*(named(query)[0] for query in queries()))
    ours = {re.sub("_(bucket|sum|count)$", "", name) for name in Series() if "vereflow" in name}

    assert len(ours) >= 10
    assert ours - {re.sub("_(bucket|sum|count)$", "", name) for name in shown} <= {
        f"{name.removesuffix('_total')}_created" for name in ours
    }


def test_an_alert_knows_the_outcomes_by_their_names() -> None:
    told = {word for query in queries() for word in re.findall(r"\b[A-Z]{3,}\b", query)}

    assert told == {"REFUSED", "FOREIGN", "UNPROTECTED"}
    assert told <= set(Outcome)


def test_every_alert_says_what_to_do() -> None:
    rules = [rule for group in alerts()["groups"] for rule in group["rules"]]

    assert len(rules) > 8
    for rule in rules:
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in ("info", "warning", "critical")


def test_what_an_alert_says_of_a_series_is_left_of_it() -> None:
    for group in alerts()["groups"]:
        for rule in group["rules"]:
            said = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
            grouped = re.findall(r"by \(([^)]*)\)", rule["expr"])
            left = set(re.findall(r"\w+", " ".join(grouped))) if grouped else TARGET

            assert said <= left
