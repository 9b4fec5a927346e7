"""A real API server takes every manifest as it is: nothing in it is unknown, and nothing unsafe."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.integration.chart.applying import APPLY, DRY, Kubectl, as_text
from tests.integration.chart.cases import ASKS, BASE, over
from tests.integration.chart.rendering import Rendered, needs_helm, rendered
from tests.real import needs_go

Json = dict[str, Any]

pytestmark = [needs_helm, needs_go]


@pytest.mark.parametrize("name", ASKS)
def test_the_server_would_take_each_object_and_knows_each_field(
    every: dict[str, Rendered], name: str, kubectl: Kubectl
) -> None:
    said = kubectl(*DRY, stdin=as_text(every[name].objects))

    assert len(said.splitlines()) == len(every[name].objects)


def test_a_field_that_is_none_would_be_found(kubectl: Kubectl) -> None:
    workers = rendered(BASE).one("StatefulSet")
    workers["spec"]["template"]["spec"]["containers"][0]["envs"] = []

    done = kubectl.run(*DRY, stdin=as_text([workers]))

    assert done.returncode != 0
    assert "envs" in done.stderr


@pytest.mark.threat("T8")
@pytest.mark.parametrize("kind", ["StatefulSet", "Job"])
def test_pods_are_let_into_a_namespace_that_is_restricted(
    every: dict[str, Rendered], kind: str, kubectl: Kubectl
) -> None:
    pods = [pod_of(each) for found in every.values() for each in found.of(kind)]

    said = kubectl("create", "--dry-run=server", "-f", "-", stdin=as_text(pods))

    assert len(said.splitlines()) == len(pods) >= len(every) - 1


@pytest.mark.parametrize(
    "field", ["runAsNonRoot", "seccompProfile", "allowPrivilegeEscalation", "capabilities"]
)
def test_pods_that_are_less_safe_would_be_kept_out(field: str, kubectl: Kubectl) -> None:
    pod = pod_of(rendered(BASE).one("StatefulSet"))
    contexts = [pod["spec"]["securityContext"], pod["spec"]["containers"][0]["securityContext"]]
    for each in contexts:
        each.pop(field, None)

    done = kubectl.run("create", "--dry-run=server", "-f", "-", stdin=as_text([pod]))

    assert "violates PodSecurity" in done.stderr


def test_all_is_applied_again_and_again_and_to_the_next_version(kubectl: Kubectl) -> None:
    first = rendered(BASE, release="again").objects
    later = rendered(
        over(BASE, {"image": {"tag": "next"}, "replicas": 3, "podLabels": {"a": "b"}}),
        release="again",
    ).objects
    for each in later:
        # As another version of the chart would have it.
        each["metadata"].get("labels", {}).update({"app.kubernetes.io/version": "0.2.0"})

    kubectl(*APPLY, stdin=as_text(first))
    uids = uids_of(kubectl, first)
    kubectl(*APPLY, stdin=as_text(first))
    kubectl(*APPLY, stdin=as_text(later))

    assert uids_of(kubectl, first) == uids
    assert kubectl.get("statefulset", "again-vereflow", "-n", "vereflow")["spec"]["replicas"] == 3


def uids_of(kubectl: Kubectl, objects: list[Json]) -> list[str]:
    told = kubectl("get", "-f", "-", "-o", "json", stdin=as_text(objects))
    return [each["metadata"]["uid"] for each in json.loads(told)["items"]]


def pod_of(owner: Json) -> Json:
    """Return a pod as its controller would make it."""
    template = copy.deepcopy(owner["spec"]["template"])
    metadata = {"name": "pod", "namespace": owner["metadata"]["namespace"]}
    claims = [each["metadata"]["name"] for each in owner["spec"].get("volumeClaimTemplates", ())]
    volumes = [{"name": each, "persistentVolumeClaim": {"claimName": each}} for each in claims]
    template["spec"]["volumes"] += volumes
    template["metadata"] = {**template["metadata"], **metadata}
    return {"apiVersion": "v1", "kind": "Pod", **template}
