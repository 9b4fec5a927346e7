"""Merge patches, strategic patches and JSON patches."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.conformance.kubernetes.calls import (
    MERGE,
    STEPS,
    STRATEGIC,
    core,
    created,
    merge,
    pod,
    policies,
    policy,
    with_metadata,
)

PORT_80 = [{"ports": [{"port": 80, "protocol": "TCP"}]}]


@pytest.fixture
async def path(http: httpx.AsyncClient, namespace: str) -> str:
    """Return the path of a policy with a label and a rule."""
    body = with_metadata(policy(ingress=PORT_80), labels={"a": "1", "b": "2"})
    await created(http, policies(namespace), body)
    return policies(namespace, "web")


async def test_a_merge_patch_changes_what_it_names(http: httpx.AsyncClient, path: str) -> None:
    answer = await merge(http, path, {"metadata": {"labels": {"a": None, "c": "3"}}})

    assert answer.status_code == 200
    assert answer.json()["metadata"]["labels"] == {"b": "2", "c": "3"}
    assert answer.json()["spec"]["ingress"] == PORT_80


async def test_a_merge_patch_replaces_lists(http: httpx.AsyncClient, path: str) -> None:
    answer = await merge(http, path, {"spec": {"ingress": [{}]}})

    assert answer.json()["spec"]["ingress"] == [{}]


async def test_a_patch_of_what_is_not_there_creates_nothing(
    http: httpx.AsyncClient, namespace: str
) -> None:
    assert (await merge(http, policies(namespace, "none"), {})).status_code == 404


async def test_a_patch_may_rest_on_a_version(http: httpx.AsyncClient, path: str) -> None:
    seen = (await http.get(path)).json()["metadata"]["resourceVersion"]
    change = {"metadata": {"resourceVersion": seen, "labels": {"c": "3"}}}

    first = await merge(http, path, change)
    second = await merge(http, path, {"metadata": {"resourceVersion": seen, "labels": {"d": "4"}}})

    assert (first.status_code, second.status_code) == (200, 409)


async def test_a_patch_may_rest_on_a_uid(http: httpx.AsyncClient, path: str) -> None:
    answer = await merge(http, path, {"metadata": {"uid": "another", "labels": {"c": "3"}}})

    assert answer.status_code in {409, 422}
    assert (await http.get(path)).json()["metadata"]["labels"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        ({"metadata": {"name": "other"}}, 400),
        ({"metadata": {"namespace": "other"}}, 400),
        ({"spec": {"policyTypes": ["Foo"]}}, 422),
    ],
)
async def test_a_patch_is_judged_by_what_it_makes(
    http: httpx.AsyncClient, path: str, patch: dict[str, Any], status: int
) -> None:
    before = (await http.get(path)).json()

    answer = await merge(http, path, patch)

    assert answer.status_code == status, answer.text
    assert (await http.get(path)).json() == before


@pytest.mark.parametrize(
    ("patch", "seen", "field"),
    [
        ({"kind": 5}, "number", "kind"),
        ({"metadata": []}, "array", "metadata"),
        ({"metadata": {"labels": []}}, "array", "metadata.labels"),
        ({"metadata": {"labels": {"app": 5}}}, "number", "metadata.labels"),
        ({"spec": 5}, "number", "spec"),
        ({"spec": {"policyTypes": "Ingress"}}, "string", "spec.policyTypes"),
        ({"spec": {"podSelector": []}}, "array", "spec.podSelector"),
        ({"spec": {"ingress": {}}}, "object", "spec.ingress"),
        ({"spec": {"ingress": [{"ports": [{"port": {}}]}]}}, "object", "spec.ingress.ports.port"),
    ],
)
async def test_a_patch_that_makes_another_type_is_refused_as_a_whole(
    http: httpx.AsyncClient, path: str, patch: dict[str, Any], seen: str, field: str
) -> None:
    before = (await http.get(path)).json()

    answer = await merge(http, path, patch)

    assert (answer.status_code, answer.json()["reason"]) == (422, "Invalid")
    message = answer.json()["message"]
    assert message.startswith(' "" is invalid: patch: Invalid value: "{')
    assert f"json: cannot unmarshal {seen} into Go struct field " in message
    assert f".{field} of type " in message
    (cause,) = answer.json()["details"]["causes"]
    assert (cause["reason"], cause["field"]) == ("FieldValueInvalid", "patch")
    assert (await http.get(path)).json() == before


async def test_json_patches_go_step_by_step(http: httpx.AsyncClient, path: str) -> None:
    steps = [
        {"op": "test", "path": "/metadata/labels/a", "value": "1"},
        {"op": "replace", "path": "/metadata/labels/a", "value": "9"},
        {"op": "remove", "path": "/metadata/labels/b"},
        {"op": "add", "path": "/metadata/labels/x~1y", "value": "z"},
        {"op": "add", "path": "/spec/ingress/-", "value": {}},
        {"op": "copy", "from": "/metadata/labels/a", "path": "/metadata/labels/c"},
        {"op": "move", "from": "/metadata/labels/c", "path": "/metadata/labels/d"},
    ]

    answer = await http.patch(path, content=json.dumps(steps), headers=STEPS)

    assert answer.status_code == 200, answer.text
    assert answer.json()["metadata"]["labels"] == {"a": "9", "x/y": "z", "d": "9"}
    assert answer.json()["spec"]["ingress"] == [*PORT_80, {}]


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([{"op": "test", "path": "/metadata/labels/a", "value": "2"}], 422),
        ([{"op": "remove", "path": "/metadata/labels/none"}], 422),
        ([{"op": "replace", "path": "/spec/ingress/7", "value": {}}], 422),
        ({"op": "remove", "path": "/spec"}, 400),
        ("text", 400),
    ],
)
async def test_a_json_patch_that_does_not_fit_changes_nothing(
    http: httpx.AsyncClient, path: str, steps: Any, status: int
) -> None:
    before = (await http.get(path)).json()

    answer = await http.patch(path, content=json.dumps(steps), headers=STEPS)

    assert answer.status_code == status, answer.text
    assert (await http.get(path)).json() == before


async def test_a_strategic_patch_merges_named_members(
    http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, core(namespace, "pods"), pod())
    image = {"spec": {"containers": [{"name": "main", "image": "nginx"}]}}
    ready = {"type": "Ready", "status": "True"}
    started = {"type": "PodScheduled", "status": "True"}
    path = core(namespace, "pods", "pod-a")

    for one in (ready, started, ready | {"status": "False"}):
        body = json.dumps({"status": {"conditions": [one]}})
        answer = await http.patch(f"{path}/status", content=body, headers=STRATEGIC)
        assert answer.status_code == 200, answer.text
    answer = await http.patch(path, content=json.dumps(image), headers=STRATEGIC)

    (container,) = answer.json()["spec"]["containers"]
    assert (container["name"], container["image"]) == ("main", "nginx")
    conditions = {one["type"]: one["status"] for one in answer.json()["status"]["conditions"]}
    assert conditions == {"Ready": "False", "PodScheduled": "True"}


async def test_a_strategic_patch_replaces_the_rules_of_a_policy(
    http: httpx.AsyncClient, path: str
) -> None:
    body = json.dumps({"spec": {"ingress": [{}]}, "metadata": {"labels": {"a": None}}})

    answer = await http.patch(path, content=body, headers=STRATEGIC)

    assert answer.json()["spec"]["ingress"] == [{}]
    assert answer.json()["metadata"]["labels"] == {"b": "2"}


async def test_a_patch_in_an_unknown_language_is_refused(
    http: httpx.AsyncClient, path: str
) -> None:
    for language in ("application/json", "text/plain"):
        answer = await http.patch(path, content="{}", headers={"Content-Type": language})

        assert answer.status_code == 415
        assert answer.json()["reason"] == "UnsupportedMediaType"


async def test_only_an_apply_can_be_forced(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.patch(path, content="{}", headers=MERGE, params={"force": "true"})

    assert answer.status_code == 422
    assert "may not be specified for non-apply patch" in answer.json()["message"]
