"""Every metric, from the registry that holds it and from the alerts that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from prometheus_client.metrics import MetricWrapperBase

from agents.metrics import MAX_VALUES, Metrics
from tests.house.hands import ROOT
from tests.house.pages.markdown import code, link, page, table

ALERTS = "deploy/helm/vereflow/files/alerts.yaml"
INTRO = f"""
What a worker counts, at `/metrics` of its web server and of `web.probe_port`, beside `process_*`. A
label has at most {MAX_VALUES} values; whatever more there is counts as `other`. The alerts are in
{link(ALERTS)}, the dashboard is {link("deploy/helm/vereflow/files/dashboard.json")}.
""".strip()


def metrics() -> str:
    """Return the page of metrics."""
    return page("Metrics", INTRO, table(("metric", "kind", "labels", "meaning", "alerts"), _rows()))


def _rows() -> Iterator[tuple[str, ...]]:
    alerts = _alerts()
    for each in vars(Metrics()).values():
        if isinstance(each, MetricWrapperBase):
            (told,) = each.describe()
            name = f"{told.name}_total" if told.type == "counter" else told.name
            asking = [code(alert) for alert, asked in alerts.items() if told.name in asked]
            labels = ", ".join(map(code, each._labelnames))
            yield code(name), told.type, labels, told.documentation, ", ".join(asking)


def _alerts() -> dict[str, str]:
    groups: Any = yaml.safe_load((ROOT / ALERTS).read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
