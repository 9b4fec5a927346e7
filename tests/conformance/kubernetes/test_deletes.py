"""Deletes: with preconditions, with grace, of many at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conformance.kubernetes.calls import (
    Json,
    core,
    created,
    merge,
    pod,
    policies,
    policy,
    version,
    watched,
    with_metadata,
)


async def delete(
    http: httpx.AsyncClient, path: str, options: Json | None = None, **params: Any
) -> httpx.Response:
    return await http.request("DELETE", path, json=options or {}, params=params)


def bound_to_a_node(name: str = "pod-a") -> Json:
    body = pod(name)
    return body | {"spec": body["spec"] | {"nodeName": "n1"}}


async def test_a_delete_says_what_it_deleted(http: httpx.AsyncClient, namespace: str) -> None:
    made = await created(http, policies(namespace), policy())

    answer = await http.delete(policies(namespace, "web"))

    assert answer.status_code == 200
    assert (answer.json()["kind"], answer.json()["status"]) == ("Status", "Success")
    assert answer.json()["details"] == {
        "name": "web",
        "group": "networking.k8s.io",
        "kind": "networkpolicies",
        "uid": made["metadata"]["uid"],
    }
    assert (await http.get(policies(namespace, "web"))).status_code == 404


async def test_what_is_gone_is_not_deleted_again(http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, policies(namespace), policy())
    await http.delete(policies(namespace, "web"))

    assert (await http.delete(policies(namespace, "web"))).status_code == 404


async def test_a_delete_may_rest_on_a_uid(http: httpx.AsyncClient, namespace: str) -> None:
    made = await created(http, policies(namespace), policy())
    path = policies(namespace, "web")

    wrong = await delete(http, path, {"preconditions": {"uid": "another"}})
    right = await delete(http, path, {"preconditions": {"uid": made["metadata"]["uid"]}})

    assert (wrong.status_code, wrong.json()["reason"]) == (409, "Conflict")
    assert "the UID in the precondition (another) does not match" in wrong.json()["message"]
    assert right.status_code == 200


async def test_a_delete_may_rest_on_a_version(http: httpx.AsyncClient, namespace: str) -> None:
    made = await created(http, policies(namespace), policy())
    path = policies(namespace, "web")
    now = (await merge(http, path, {"metadata": {"labels": {"a": "b"}}})).json()
    old, new = (each["metadata"]["resourceVersion"] for each in (made, now))

    stale = await delete(http, path, {"preconditions": {"resourceVersion": old}})
    fresh = await delete(http, path, {"preconditions": {"resourceVersion": new}})

    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
    assert fresh.status_code == 200


async def test_a_failed_precondition_leaves_the_object_alone(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, policies(namespace), policy())

    await delete(http, policies(namespace, "web"), {"preconditions": {"uid": "another"}})

    assert (await http.get(policies(namespace, "web"))).json() == made


async def test_the_removal_has_a_version_of_its_own(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, policies(namespace), policy())
    since = made["metadata"]["resourceVersion"]
    await http.delete(policies(namespace, "web"))

    (event,) = await watched(http, policies(namespace), 1, resourceVersion=since)

    assert event["type"] == "DELETED"
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(since)
    assert event["object"]["metadata"]["uid"] == made["metadata"]["uid"]


async def test_a_pod_nobody_runs_goes_at_once(http: httpx.AsyncClient, namespace: str) -> None:
    made = await created(http, core(namespace, "pods"), pod())

    gone = await http.delete(core(namespace, "pods", "pod-a"))

    assert (await http.get(core(namespace, "pods", "pod-a"))).status_code == 404
    since = made["metadata"]["resourceVersion"]
    going, last = await watched(http, core(namespace, "pods"), 2, resourceVersion=since)
    # It is seen to be going, if only for a moment.
    assert (going["type"], last["type"]) == ("MODIFIED", "DELETED")
    assert going["object"]["metadata"]["deletionGracePeriodSeconds"] == 0
    assert last["object"]["metadata"] == gone.json()["metadata"]


async def test_a_pod_on_a_node_is_only_marked(http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, core(namespace, "pods"), bound_to_a_node())
    path = core(namespace, "pods", "pod-a")
    since = await version(http, core(namespace, "pods"))

    await http.delete(path)
    marked = (await http.get(path)).json()["metadata"]
    await http.delete(path, params={"gracePeriodSeconds": 0})

    assert marked["deletionTimestamp"]
    assert marked["deletionGracePeriodSeconds"] == 30
    assert (await http.get(path)).status_code == 404
    seen = await watched(http, core(namespace, "pods"), 3, resourceVersion=since)
    assert [event["type"] for event in seen] == ["MODIFIED", "MODIFIED", "DELETED"]
    grace = [event["object"]["metadata"]["deletionGracePeriodSeconds"] for event in seen]
    assert grace == [30, 0, 0]


async def test_grace_can_be_shortened_and_not_prolonged(
    http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, core(namespace, "pods"), bound_to_a_node())
    path = core(namespace, "pods", "pod-a")

    seen = []
    for seconds in (20, 25, 5):
        await delete(http, path, {"gracePeriodSeconds": seconds})
        seen.append((await http.get(path)).json()["metadata"]["deletionGracePeriodSeconds"])
    await http.delete(path, params={"gracePeriodSeconds": 0})

    assert seen == [20, 20, 5]


async def test_an_object_stays_until_its_last_finalizer_has_left(
    http: httpx.AsyncClient, namespace: str
) -> None:
    body = with_metadata(policy(), finalizers=["example.com/a", "example.com/b"])
    made = await created(http, policies(namespace), body)
    path = policies(namespace, "web")

    await http.delete(path)
    marked = (await http.get(path)).json()["metadata"]
    await http.delete(path)
    for left in (["example.com/b"], None):
        assert (await http.get(path)).status_code == 200
        answer = await merge(http, path, {"metadata": {"finalizers": left}})
        assert answer.status_code == 200

    assert marked["deletionTimestamp"]
    assert (await http.get(path)).status_code == 404
    since = made["metadata"]["resourceVersion"]
    seen = await watched(http, policies(namespace), 3, resourceVersion=since)
    assert [event["type"] for event in seen] == ["MODIFIED", "MODIFIED", "DELETED"]


async def test_many_are_deleted_by_label(http: httpx.AsyncClient, namespace: str) -> None:
    for name, app in (("a", "web"), ("b", "db"), ("c", "web")):
        body = with_metadata(policy(name), labels={"app": app})
        await created(http, policies(namespace), body)

    answer = await http.delete(policies(namespace), params={"labelSelector": "app=web"})

    assert answer.status_code == 200
    left = (await http.get(policies(namespace))).json()["items"]
    assert [one["metadata"]["name"] for one in left] == ["b"]


@pytest.mark.parametrize(
    "path", ["/api/v1/namespaces", "/api/v1/pods", "/apis/networking.k8s.io/v1/networkpolicies"]
)
async def test_nothing_is_deleted_across_namespaces(http: httpx.AsyncClient, path: str) -> None:
    # A selector that selects nothing: should the server do it after all, nothing is lost.
    answer = await http.delete(path, params={"labelSelector": "vereflow-test=none"})

    assert answer.status_code == 405


async def test_some_namespaces_stay(http: httpx.AsyncClient) -> None:
    answer = await http.delete("/api/v1/namespaces/kube-public", params={"dryRun": "All"})

    assert answer.status_code == 403
    assert "this namespace may not be deleted" in answer.json()["message"]


@pytest.mark.parametrize(
    "options",
    [
        {"preconditions": "uid"},
        {"preconditions": {"uid": 5}},
        {"gracePeriodSeconds": "soon"},
        {"dryRun": "All"},
        [],
        "now",
    ],
)
async def test_options_that_are_none_delete_nothing(
    http: httpx.AsyncClient, namespace: str, options: Any
) -> None:
    await created(http, policies(namespace), policy())

    answer = await http.request("DELETE", policies(namespace, "web"), json=options)

    assert answer.status_code == 400
    assert (await http.get(policies(namespace, "web"))).status_code == 200
