"""Server-side apply: who declares a field owns it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conformance.kubernetes.calls import (
    Json,
    apply,
    core,
    created,
    merge,
    policies,
    policy,
    version,
    watched,
    with_metadata,
)

OTHER_PODS = {"matchLabels": {"app": "other"}}
PORT_80 = [{"ports": [{"port": 80, "protocol": "TCP"}]}]
PORT_81 = [{"ports": [{"port": 81, "protocol": "TCP"}]}]


@pytest.fixture
def path(namespace: str) -> str:
    """Return the path of a policy that is not there yet."""
    return policies(namespace, "web")


def owned(stored: Json, manager: str) -> dict[str, Any]:
    """Return the fields one manager owns."""
    (entry,) = [one for one in stored["metadata"]["managedFields"] if one["manager"] == manager]
    fields: dict[str, Any] = entry["fieldsV1"]
    return fields


def causes(answer: httpx.Response) -> list[tuple[str, str]]:
    found = answer.json()["details"]["causes"]
    assert {cause["reason"] for cause in found} == {"FieldManagerConflict"}
    return [(cause["field"], cause["message"]) for cause in found]


async def test_what_is_not_there_is_created(http: httpx.AsyncClient, path: str) -> None:
    answer = await apply(http, path, policy())

    assert answer.status_code == 201
    assert answer.json()["metadata"]["generation"] == 1
    assert (await http.get(path)).json() == answer.json()


async def test_the_same_again_is_no_write(http: httpx.AsyncClient, path: str) -> None:
    first = await apply(http, path, policy(ingress=PORT_80))

    second = await apply(http, path, policy(ingress=PORT_80))

    assert second.status_code == 200
    assert second.json() == first.json()


async def test_the_same_again_with_defaults_unsaid_is_no_write(
    http: httpx.AsyncClient, path: str
) -> None:
    body = policy(ingress=[{"ports": [{"port": 80}]}])
    first = await apply(http, path, body)

    second = await apply(http, path, body)

    assert first.json()["spec"]["ingress"] == PORT_80
    assert second.json() == first.json()


async def test_something_else_is_a_write(http: httpx.AsyncClient, path: str) -> None:
    first = (await apply(http, path, policy(ingress=PORT_80))).json()

    second = await apply(http, path, policy(ingress=PORT_81))

    assert second.status_code == 200
    assert second.json()["spec"]["ingress"] == PORT_81
    assert second.json()["metadata"]["generation"] == 2
    before, after = (int(each["metadata"]["resourceVersion"]) for each in (first, second.json()))
    assert after > before


async def test_an_apply_owns_what_it_declares(http: httpx.AsyncClient, path: str) -> None:
    body = with_metadata(policy(ingress=PORT_80), labels={"a": "1"})

    stored = (await apply(http, path, body)).json()

    (entry,) = stored["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("m1", "Apply")
    assert (entry["apiVersion"], entry["fieldsType"]) == ("networking.k8s.io/v1", "FieldsV1")
    assert entry["fieldsV1"]["f:metadata"]["f:labels"]["f:a"] == {}
    assert set(entry["fieldsV1"]["f:spec"]) == {"f:podSelector", "f:policyTypes", "f:ingress"}
    assert entry["fieldsV1"]["f:spec"]["f:ingress"] == {}


async def test_a_creator_owns_what_it_wrote(http: httpx.AsyncClient, namespace: str) -> None:
    query = {"fieldManager": "maker"}

    answer = await http.post(policies(namespace), json=policy(), params=query)

    (entry,) = answer.json()["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("maker", "Update")
    assert "f:podSelector" in entry["fieldsV1"]["f:spec"]


async def test_another_manager_that_differs_is_refused(http: httpx.AsyncClient, path: str) -> None:
    stored = (await apply(http, path, policy())).json()

    answer = await apply(http, path, policy(podSelector=OTHER_PODS), manager="m2")

    assert answer.status_code == 409
    assert answer.json()["reason"] == "Conflict"
    conflict = 'Apply failed with 1 conflict: conflict with "m1": .spec.podSelector'
    assert answer.json()["message"] == conflict
    assert causes(answer) == [(".spec.podSelector", 'conflict with "m1"')]
    assert (await http.get(path)).json() == stored


async def test_every_conflict_is_named(http: httpx.AsyncClient, path: str) -> None:
    await apply(http, path, with_metadata(policy(ingress=PORT_80), labels={"a": "1"}))
    body = with_metadata(policy(ingress=PORT_81), labels={"a": "2"})

    answer = await apply(http, path, body, manager="m2")

    assert answer.status_code == 409
    assert "2 conflicts" in answer.json()["message"]
    fields = {field for field, _ in causes(answer)}
    assert fields == {".metadata.labels.a", ".spec.ingress"}


async def test_an_update_conflicts_like_an_apply(http: httpx.AsyncClient, namespace: str) -> None:
    query = {"fieldManager": "editor"}
    await http.post(policies(namespace), json=policy(), params=query)

    answer = await apply(http, policies(namespace, "web"), policy(podSelector=OTHER_PODS))

    assert answer.status_code == 409
    ((field, message),) = causes(answer)
    assert field == ".spec.podSelector"
    assert message.startswith('conflict with "editor" using networking.k8s.io/v1')


async def test_force_takes_a_field_over(http: httpx.AsyncClient, path: str) -> None:
    await apply(http, path, policy())
    body = policy(podSelector=OTHER_PODS)

    answer = await apply(http, path, body, manager="m2", force="true")

    assert answer.status_code == 200
    stored = answer.json()
    assert stored["spec"]["podSelector"] == OTHER_PODS
    assert "f:podSelector" not in owned(stored, "m1")["f:spec"]
    assert "f:podSelector" in owned(stored, "m2")["f:spec"]


async def test_who_agrees_owns_as_well(http: httpx.AsyncClient, path: str) -> None:
    await apply(http, path, policy())

    stored = (await apply(http, path, policy(), manager="m2")).json()

    assert owned(stored, "m1") == owned(stored, "m2")


async def test_an_update_takes_what_it_changes(http: httpx.AsyncClient, path: str) -> None:
    await apply(http, path, policy())

    answer = await merge(http, path, {"spec": {"podSelector": OTHER_PODS}}, fieldManager="editor")

    assert "f:podSelector" not in owned(answer.json(), "m1")["f:spec"]
    assert owned(answer.json(), "editor") == {"f:spec": {"f:podSelector": {}}}


async def test_what_is_no_longer_declared_is_removed(http: httpx.AsyncClient, path: str) -> None:
    body = with_metadata(policy(ingress=PORT_80), labels={"a": "1", "b": "2"})
    await apply(http, path, body)

    answer = await apply(http, path, with_metadata(policy(), labels={"b": "2"}))

    assert answer.json()["metadata"]["labels"] == {"b": "2"}
    assert "ingress" not in answer.json()["spec"]


async def test_the_last_label_goes_with_all_labels(http: httpx.AsyncClient, path: str) -> None:
    await apply(http, path, with_metadata(policy(), labels={"a": "1"}))

    answer = await apply(http, path, policy())

    assert "labels" not in answer.json()["metadata"]


async def test_what_another_owns_too_stays(http: httpx.AsyncClient, path: str) -> None:
    body = with_metadata(policy(), labels={"a": "1"})
    await apply(http, path, body)
    await apply(http, path, body, manager="m2")

    answer = await apply(http, path, policy())

    assert answer.json()["metadata"]["labels"] == {"a": "1"}
    assert "f:metadata" not in owned(answer.json(), "m1")
    assert owned(answer.json(), "m2")["f:metadata"]["f:labels"]["f:a"] == {}


async def test_types_once_filled_in_stay_whatever_the_rules_become(
    http: httpx.AsyncClient, path: str
) -> None:
    body = policy()
    untyped = body | {"spec": {"podSelector": {}}}
    await apply(http, path, untyped)

    answer = await apply(http, path, untyped | {"spec": {"podSelector": {}, "egress": [{}]}})

    assert answer.json()["spec"]["policyTypes"] == ["Ingress"]


async def test_an_empty_spec_takes_nothing_from_anybody(http: httpx.AsyncClient, path: str) -> None:
    await apply(http, path, policy() | {"spec": {}})

    full = await apply(http, path, policy(ingress=PORT_80))
    empty = await apply(http, path, policy() | {"spec": {}}, manager="m2")

    assert full.json()["spec"] == policy(ingress=PORT_80)["spec"]
    assert empty.status_code == 200
    assert empty.json()["spec"] == full.json()["spec"]


async def test_what_nobody_declared_is_left_alone(http: httpx.AsyncClient, path: str) -> None:
    await apply(http, path, with_metadata(policy(), labels={"a": "1"}))
    await merge(http, path, {"metadata": {"labels": {"b": "2"}}}, fieldManager="editor")

    answer = await apply(http, path, with_metadata(policy(), labels={"a": "3"}))

    assert answer.json()["metadata"]["labels"] == {"a": "3", "b": "2"}


async def test_two_managers_share_the_labels_of_one_object(
    http: httpx.AsyncClient, path: str
) -> None:
    await apply(http, path, with_metadata(policy(), labels={"a": "1"}))
    only_label = {key: policy()[key] for key in ("apiVersion", "kind")}
    only_label["metadata"] = {"name": "web", "labels": {"b": "2"}}

    answer = await apply(http, path, only_label, manager="m2")

    assert answer.status_code == 200
    assert answer.json()["metadata"]["labels"] == {"a": "1", "b": "2"}
    assert answer.json()["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}


@pytest.mark.parametrize("field", ["ingress", "egress"])
async def test_a_list_of_rules_has_one_owner(
    http: httpx.AsyncClient, path: str, field: str
) -> None:
    first, second = policy(), policy()
    first["spec"][field] = PORT_80
    second["spec"][field] = [*PORT_80, *PORT_81]
    await apply(http, path, first)

    answer = await apply(http, path, second, manager="m2")

    assert answer.status_code == 409
    assert causes(answer) == [(f".spec.{field}", 'conflict with "m1"')]


async def test_a_trial_tells_the_conflict_too(http: httpx.AsyncClient, path: str) -> None:
    await apply(http, path, policy())

    answer = await apply(http, path, policy(podSelector=OTHER_PODS), manager="m2", dryRun="All")

    assert answer.status_code == 409


async def test_a_trial_of_a_new_object_stores_nothing(
    http: httpx.AsyncClient, path: str, namespace: str
) -> None:
    since = await version(http, policies(namespace))

    answer = await apply(http, path, policy(), dryRun="All")
    await apply(http, policies(namespace, "last"), policy("last"))

    assert answer.status_code == 201
    assert "resourceVersion" not in answer.json()["metadata"]
    assert (await http.get(path)).status_code == 404
    (event,) = await watched(http, policies(namespace), 1, resourceVersion=since)
    assert event["object"]["metadata"]["name"] == "last"


async def test_the_status_of_a_pod_is_applied_through_its_own_door(
    http: httpx.AsyncClient, namespace: str
) -> None:
    path = core(namespace, "pods", "pod-a")
    containers = [{"name": "main", "image": "busybox"}]
    body: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod-a"}}
    await created(http, core(namespace, "pods"), body | {"spec": {"containers": containers}})

    status = {"phase": "Running", "podIP": "10.244.0.8"}
    answer = await apply(http, f"{path}/status", body | {"status": status})

    assert answer.status_code == 200
    assert answer.json()["status"]["podIP"] == "10.244.0.8"
    assert answer.json()["spec"]["containers"][0]["image"] == "busybox"
    (entry,) = [one for one in answer.json()["metadata"]["managedFields"] if one["manager"] == "m1"]
    assert entry["subresource"] == "status"


async def test_yaml_is_as_good_as_json(http: httpx.AsyncClient, path: str) -> None:
    text = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  annotations: {since: "2026-01-02"}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
"""
    answer = await http.patch(
        path,
        content=text,
        params={"fieldManager": "m1"},
        headers={"Content-Type": "application/apply-patch+yaml"},
    )

    assert answer.status_code == 201
    assert answer.json()["spec"] == policy()["spec"]
