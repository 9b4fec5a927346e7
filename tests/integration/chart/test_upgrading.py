"""What Kubernetes never lets change does not change: an upgrade keeps workers and their volumes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.house.pages.chart import values
from tests.integration.chart.cases import ASKS, BASE, over
from tests.integration.chart.rendering import Ask, Rendered, needs_helm, render

Json = dict[str, Any]

pytestmark = needs_helm

# All that may be changed of a StatefulSet.
CHANGEABLE = {
    "replicas",
    "template",
    "updateStrategy",
    "minReadySeconds",
    "ordinals",
    "persistentVolumeClaimRetentionPolicy",
    "revisionHistoryLimit",
}
# Of which people may change their minds only while the workers are away.
FOREVER = {"persistence.enabled", "persistence.size", "persistence.storageClass"}
OTHERWISE: dict[type, Any] = {bool: None, int: None, str: "other", list: [], dict: {"other": "x"}}


def leaves(told: Json, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that stands in values.yaml, but settings."""
    for name, each in told.items():
        here = f"{path}.{name}".removeprefix(".")
        if isinstance(each, dict) and each:
            yield from leaves(each, here)
        else:
            yield here, each


def changed(path: str, value: Any) -> Json:
    """Return values in which one is another."""
    special = {
        "image.digest": f"sha256:{'0a' * 32}",
        "image.pullPolicy": "Always",
        "persistence.whenGone": "Retain",
        "persistence.size": "9Gi",
        "topologySpread": ["zone"],
        "image.pullSecrets": [{"name": "x"}],
        "tolerations": [{"operator": "Exists"}],
        "networkPolicy.from": [{"podSelector": {}}],
        "networkPolicy.egress": [{}],
        "settings.log.format": "console",
    }
    if path in special:
        found = special[path]
    elif isinstance(value, bool):
        found = not value
    elif isinstance(value, int):
        found = value + 1
    else:
        found = OTHERWISE[type(value)]
    for name in reversed(path.split(".")):
        found = {name: found}
    return found


# What these need is not what is asked here.
NEEDED = {
    "strimzi": {"cluster": "events"},
    "init": {"passwordSecret": {"name": "admin"}},
    "settings": {"kafka": {"prefix": "vereflow-"}},
    "web": {"tokenSecret": {"name": "web"}, "tlsSecret": {"name": "web-tls"}},
}
PATHS = {path: value for path, value in leaves(values())}


def immutable(spec: Json) -> Json:
    return {name: each for name, each in spec.items() if name not in CHANGEABLE}


@pytest.fixture(scope="module")
def sets() -> dict[str, Json]:
    """Return the StatefulSet's fields that never change, by the value that is another."""
    base = over(BASE, NEEDED)
    asks = [Ask(over(base, changed(path, value))) for path, value in PATHS.items()]
    found = {}
    for path, each in zip(("", *PATHS), render(Ask(base), *asks), strict=True):
        assert each.error == "", path
        found[path] = immutable(each.one("StatefulSet")["spec"])
    return found


@pytest.mark.parametrize("path", PATHS)
def test_what_never_changes_depends_on_no_value_but_those_that_say_so(
    sets: dict[str, Json], path: str
) -> None:
    assert (sets[path] != sets[""]) is (path in FOREVER)


def test_another_version_of_the_chart_selects_and_claims_the_same() -> None:
    told = render(Ask(BASE))[0].one("StatefulSet")["spec"]

    assert set(immutable(told)) == {
        "selector",
        "serviceName",
        "podManagementPolicy",
        "volumeClaimTemplates",
    }
    assert "0.1.0" not in str(immutable(told))


@pytest.mark.parametrize("name", ASKS)
def test_pods_are_those_that_are_selected(every: dict[str, Rendered], name: str) -> None:
    found = every[name]
    workers = found.one("StatefulSet")
    labels = workers["spec"]["template"]["metadata"]["labels"]

    selectors = [workers["spec"]["selector"]["matchLabels"]]
    selectors += [each["spec"]["selector"] for each in found.of("Service")]
    selectors += [
        each["spec"]["selector"]["matchLabels"] for each in found.of("PodDisruptionBudget")
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        for job in found.of("Job"):
            other = job["spec"]["template"]["metadata"]["labels"]
            assert not selector.items() <= other.items()
    for policy in found.of("NetworkPolicy"):
        ours = copy.deepcopy(policy["spec"]["podSelector"]["matchLabels"])
        assert ours.items() <= labels.items()
    for monitor in found.of("ServiceMonitor"):
        asked = monitor["spec"]["selector"]["matchLabels"].items()
        assert any(asked <= each["metadata"]["labels"].items() for each in found.of("Service"))
