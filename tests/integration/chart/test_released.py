"""What the chart of the last release made becomes what this one makes, on a real API server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.chart.applying import APPLY, Kubectl, as_text
from tests.integration.chart.rendering import needs_helm, rendered
from tests.integration.chart.test_validity import uids_of
from tests.real import needs_go
from tests.released.chart import released

Json = dict[str, Any]

pytestmark = [needs_helm, needs_go]

BEFORE = released()


@pytest.fixture(params=BEFORE)
def release(request: pytest.FixtureRequest, kubectl: Kubectl) -> Iterator[str]:
    """Have installed what the last release made; return what it is called."""
    objects = BEFORE[request.param]["objects"]
    kubectl(*APPLY, stdin=as_text(objects))
    yield request.param
    kubectl.run("delete", "--ignore-not-found", "-f", "-", stdin=as_text(objects))


def test_an_upgrade_asks_for_nothing_that_kubernetes_never_lets_change(
    release: str, kubectl: Kubectl
) -> None:
    # Of the values that people have: what the last release took, this one takes.
    later = rendered(BEFORE[release]["values"], release=release).objects
    kept = [each for each in BEFORE[release]["objects"] if named(each) in map(named, later)]
    uids = uids_of(kubectl, kept)

    kubectl(*APPLY, stdin=as_text(later))

    assert uids_of(kubectl, kept) == uids
    assert {each["kind"] for each in kept} >= {"StatefulSet", "Service", "ConfigMap"}


@pytest.mark.parametrize("release", ["little"], indirect=True)
def test_whatever_may_never_change_would_be_found(release: str, kubectl: Kubectl) -> None:
    workers, job = one(release, "StatefulSet"), one(release, "Job")
    container = job["spec"]["template"]["spec"]["containers"][0]

    for told in (
        other(workers, serviceName="other"),
        other(workers, podManagementPolicy="OrderedReady"),
        other(workers, volumeClaimTemplates=[]),
        other(job, template=with_container(job, {**container, "image": "other"})),
    ):
        done = kubectl.run(*APPLY, stdin=as_text([told]))
        assert done.returncode != 0
        assert re.search("immutable|updates to statefulset spec", done.stderr)


def other(told: Json, **spec: Any) -> Json:
    return {**told, "spec": {**told["spec"], **spec}}


def with_container(told: Json, container: Json) -> Json:
    template = told["spec"]["template"]
    return {**template, "spec": {**template["spec"], "containers": [container]}}


def one(release: str, kind: str) -> Json:
    (found,) = (each for each in BEFORE[release]["objects"] if each["kind"] == kind)
    return found


def named(each: Json) -> tuple[str, str, str]:
    metadata = each["metadata"]
    return each["kind"], metadata.get("namespace", ""), metadata["name"]
