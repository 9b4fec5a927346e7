"""The kinds that make pods are kept as they are told; without controllers nobody makes any."""

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
    pod,
    told,
    version,
    watched,
    with_metadata,
)
from tests.controlling import POD_SPEC, path, selecting

SELECTING = ("deployments", "replicasets", "statefulsets", "daemonsets")
EVERY = (*SELECTING, "jobs", "cronjobs")
CALLED = {"replicasets": "deployment"}
NEVER = POD_SPEC | {"restartPolicy": "Never"}
JOB = {"template": {"metadata": {"labels": {"app": "web"}}, "spec": NEVER}}
SPECS = {
    **dict.fromkeys(SELECTING, selecting({"app": "web"})),
    "jobs": JOB,
    "cronjobs": {"schedule": "* * * * *", "jobTemplate": {"spec": JOB}},
}


def workload(plural: str, name: str = "web", **spec: Any) -> Json:
    return {"metadata": {"name": name}, "spec": SPECS[plural] | spec}


async def refused(http: httpx.AsyncClient, where: str, body: Json, how: str = "POST") -> set[str]:
    """Return the fields that keep an object from being written, each with the reason."""
    answer = await (http.post(where, json=body) if how == "POST" else merge(http, where, body))
    assert answer.status_code == 422, answer.text
    return {f"{each['field']}: {each['message']}" for each in answer.json()["details"]["causes"]}


@pytest.mark.parametrize("plural", EVERY)
async def test_a_workload_is_read_back_as_it_was_answered(
    http: httpx.AsyncClient, namespace: str, plural: str
) -> None:
    made = await created(http, path(namespace, plural), workload(plural))

    assert (await http.get(path(namespace, plural, "web"))).json() == made
    assert made["metadata"]["generation"] == 1
    (listed,) = (await http.get(path(namespace, plural))).json()["items"]
    assert listed["metadata"]["uid"] == made["metadata"]["uid"]


@pytest.mark.parametrize(
    ("plural", "defaults"),
    [
        ("deployments", {"replicas": 1, "revisionHistoryLimit": 10}),
        ("replicasets", {"replicas": 1}),
        ("statefulsets", {"replicas": 1, "serviceName": "", "podManagementPolicy": "OrderedReady"}),
        ("daemonsets", {"revisionHistoryLimit": 10}),
        ("jobs", {"parallelism": 1, "completions": 1, "suspend": False, "manualSelector": False}),
        ("cronjobs", {"concurrencyPolicy": "Allow", "suspend": False}),
    ],
)
async def test_what_is_not_said_is_filled_in(
    http: httpx.AsyncClient, namespace: str, plural: str, defaults: Json
) -> None:
    made = await created(http, path(namespace, plural), workload(plural))

    assert made["spec"] | defaults == made["spec"]


@pytest.mark.parametrize("plural", EVERY)
async def test_changes_are_watched_and_counted(
    http: httpx.AsyncClient, namespace: str, plural: str
) -> None:
    since = await version(http, path(namespace, plural))
    await created(http, path(namespace, plural), workload(plural))
    where = path(namespace, plural, "web")
    change = {"revisionHistoryLimit": 3} if plural == "daemonsets" else {"replicas": 5}
    await merge(http, where, {"spec": {"suspend": True} if "jobs" in plural else change})
    await merge(http, where, {"metadata": {"labels": {"tier": "front"}}})
    await http.request("DELETE", where, json={"propagationPolicy": "Background"})

    seen = await watched(http, path(namespace, plural), 4, resourceVersion=since)

    assert told(seen) == [
        ("ADDED", "web"),
        ("MODIFIED", "web"),
        ("MODIFIED", "web"),
        ("DELETED", "web"),
    ]
    assert [event["object"]["metadata"]["generation"] for event in seen] == [1, 2, 2, 2]
    assert (await http.get(where)).status_code == 404


@pytest.mark.parametrize("plural", SELECTING)
async def test_a_workload_selects_what_it_makes(
    http: httpx.AsyncClient, namespace: str, plural: str
) -> None:
    where, called = path(namespace, plural), CALLED.get(plural, plural[:-1])
    unmatched = "spec.template.metadata.labels: Invalid value: {}: {}"
    mismatch = unmatched.format('{"app":"web"}', "`selector` does not match template `labels`")
    none = set() if plural == "daemonsets" else {"spec.selector: Required value"}

    assert await refused(http, where, workload(plural, selector=None)) == {mismatch} | none
    empty = f"spec.selector: Invalid value: {{}}: empty selector is invalid for {called}"
    assert await refused(http, where, workload(plural, selector={})) == {empty}
    for selector in (
        {"matchLabels": {"app": "other"}},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
    ):
        assert await refused(http, where, workload(plural, selector=selector)) == {mismatch}
    odd = await refused(http, where, workload(plural, selector={"matchLabels": {"app": "a b"}}))
    assert any(each.startswith('spec.selector.matchLabels: Invalid value: "a b"') for each in odd)


@pytest.mark.parametrize("plural", SELECTING)
async def test_by_what_a_workload_selects_is_decided_for_life(
    http: httpx.AsyncClient, namespace: str, plural: str
) -> None:
    made = await created(http, path(namespace, plural), workload(plural))
    more = {"app": "web", "tier": "front"}
    change = {"selector": {"matchLabels": more}, "template": {"metadata": {"labels": more}}}

    said = await refused(http, path(namespace, plural, "web"), {"spec": change}, "PATCH")

    wanted = '{"matchLabels":{"app":"web","tier":"front"}}: field is immutable'
    assert said == {f"spec.selector: Invalid value: {wanted}"}
    assert (await http.get(path(namespace, plural, "web"))).json() == made


@pytest.mark.parametrize("plural", SELECTING)
async def test_a_template_is_of_pods_that_always_run(
    http: httpx.AsyncClient, namespace: str, plural: str
) -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"restartPolicy": "Never"}}

    said = await refused(http, path(namespace, plural), workload(plural, template=template))

    assert said == {
        "spec.template.spec.containers: Required value",
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    }


async def test_nobody_has_fewer_than_no_pods(http: httpx.AsyncClient, namespace: str) -> None:
    said = await refused(http, path(namespace, "deployments"), workload("deployments", replicas=-1))

    assert said == {"spec.replicas: Invalid value: -1: must be greater than or equal to 0"}


async def test_the_status_of_a_workload_has_its_own_door(
    http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, path(namespace, "replicasets"), workload("replicasets"))
    where = path(namespace, "replicasets", "web")

    answer = await merge(
        http, f"{where}/status", {"status": {"replicas": 2}, "spec": {"replicas": 7}}
    )

    assert (answer.json()["spec"]["replicas"], answer.json()["status"]["replicas"]) == (1, 2)
    assert answer.json()["metadata"]["generation"] == 1


async def test_a_job_finds_its_pods_by_its_uid(http: httpx.AsyncClient, namespace: str) -> None:
    made = await created(http, path(namespace, "jobs"), workload("jobs"))

    uid = made["metadata"]["uid"]
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert made["spec"]["template"]["metadata"]["labels"] == {
        "app": "web",
        "job-name": "web",
        "controller-uid": uid,
        "batch.kubernetes.io/job-name": "web",
        "batch.kubernetes.io/controller-uid": uid,
    }
    assert made["metadata"]["labels"] == made["spec"]["template"]["metadata"]["labels"]


async def test_a_job_may_find_its_pods_by_labels_if_it_insists(
    http: httpx.AsyncClient, namespace: str
) -> None:
    selector, where = {"matchLabels": {"app": "web"}}, path(namespace, "jobs")

    (said,) = await refused(http, where, workload("jobs", selector=selector))
    made = await created(http, where, workload("jobs", selector=selector, manualSelector=True))

    assert said.endswith("`selector` not auto-generated")
    assert made["spec"]["selector"] == selector
    assert made["metadata"]["labels"] == {"app": "web"}


async def test_what_a_job_does_is_decided_for_life(http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, path(namespace, "jobs"), workload("jobs"))
    where = path(namespace, "jobs", "web")

    (completions,) = await refused(http, where, {"spec": {"completions": 3}}, "PATCH")
    change = {"template": {"metadata": {"labels": {"tier": "front"}}}}
    (template,) = await refused(http, where, {"spec": change}, "PATCH")

    assert completions == "spec.completions: Invalid value: 3: field is immutable"
    assert template.startswith("spec.template: ")
    assert template.endswith("field is immutable")


async def test_a_job_says_whether_its_pods_run_again(
    http: httpx.AsyncClient, namespace: str
) -> None:
    said = await refused(http, path(namespace, "jobs"), {"metadata": {"name": "web"}, "spec": {}})

    valid = 'Required value: valid values: "OnFailure", "Never"'
    assert said == {
        "spec.template.spec.containers: Required value",
        f"spec.template.spec.restartPolicy: {valid}",
    }


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ({"schedule": ""}, "spec.schedule: Required value"),
        (
            {"schedule": "foo"},
            'spec.schedule: Invalid value: "foo": expected exactly 5 fields, found 1: [foo]',
        ),
        (
            {"concurrencyPolicy": "Foo"},
            'spec.concurrencyPolicy: Unsupported value: "Foo":'
            ' supported values: "Allow", "Forbid", "Replace"',
        ),
        (
            {"jobTemplate": {"spec": JOB | {"selector": {"matchLabels": {"app": "web"}}}}},
            "spec.jobTemplate.spec.selector: Invalid value:"
            ' {"matchLabels":{"app":"web"}}: `selector` will be auto-generated',
        ),
    ],
)
async def test_a_cron_job_says_when_and_what(
    http: httpx.AsyncClient, namespace: str, spec: Json, wrong: str
) -> None:
    assert await refused(http, path(namespace, "cronjobs"), workload("cronjobs", **spec)) == {wrong}


async def test_a_cron_jobs_name_leaves_room_for_those_of_its_jobs(
    http: httpx.AsyncClient, namespace: str
) -> None:
    (said,) = await refused(http, path(namespace, "cronjobs"), workload("cronjobs", name="a" * 53))

    assert said.endswith("must be no more than 52 characters")


async def test_some_of_a_stateful_set_is_decided_for_life(
    http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, path(namespace, "statefulsets"), workload("statefulsets"))
    where = path(namespace, "statefulsets", "web")
    change = {"serviceName": "new", "podManagementPolicy": "Parallel", "replicas": 2}

    said = await refused(http, where, {"spec": change}, "PATCH")

    assert said == {
        'spec.serviceName: Invalid value: "new": field is immutable',
        'spec.podManagementPolicy: Invalid value: "Parallel": field is immutable',
    }


@pytest.mark.parametrize("plural", EVERY)
async def test_who_deletes_says_what_becomes_of_what_was_made(
    http: httpx.AsyncClient, namespace: str, plural: str
) -> None:
    await created(http, path(namespace, plural), workload(plural))
    where = path(namespace, plural, "web")

    for policy, finalizer in (("Foreground", "foregroundDeletion"), ("Orphan", "orphan")):
        going = await http.delete(where, params={"propagationPolicy": policy})
        assert going.json()["metadata"]["finalizers"] == [finalizer]
        # Nobody cares for it here, so it stays until nobody is asked to.
        assert (await http.delete(where)).json()["metadata"]["finalizers"] == [finalizer]
    gone = await http.delete(where, params={"propagationPolicy": "Background"})

    assert gone.json()["status"] == "Success"
    assert (await http.get(where)).status_code == 404


async def test_only_a_job_leaves_its_pods_if_nobody_says_so(
    http: httpx.AsyncClient, namespace: str
) -> None:
    for plural, answered in (("deployments", "Status"), ("jobs", "Job")):
        await created(http, path(namespace, plural), workload(plural))
        gone = await http.delete(path(namespace, plural, "web"))
        assert gone.json()["kind"] == answered


async def test_a_way_to_delete_that_there_is_not_is_refused(
    http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, path(namespace, "deployments"), workload("deployments"))

    answer = await http.delete(
        path(namespace, "deployments", "web"), params={"propagationPolicy": "Foo"}
    )

    assert answer.status_code == 422
    assert answer.json()["details"]["causes"][0]["field"] == "propagationPolicy"


@pytest.mark.parametrize("lacking", ["apiVersion", "kind", "name", "uid"])
async def test_an_owner_is_named_in_full(
    http: httpx.AsyncClient, namespace: str, lacking: str
) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u"}
    body = pod(ownerReferences=[owner | {lacking: ""}])

    said = await refused(http, core(namespace, "pods"), body)

    assert f"metadata.ownerReferences[0].{lacking}: Required value: must not be empty" in said


async def test_an_object_has_one_controller(http: httpx.AsyncClient, namespace: str) -> None:
    owners = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": name} for name in "ab"
    ]
    both = [owner | {"controller": True} for owner in owners]

    (said,) = await refused(http, core(namespace, "pods"), pod(ownerReferences=both))
    made = await created(http, core(namespace, "pods"), pod(ownerReferences=[owners[0], both[1]]))

    assert said.endswith('"true" in references for ReplicaSet/a and ReplicaSet/b')
    assert made["metadata"]["ownerReferences"] == [owners[0], both[1]]


async def test_a_service_account_is_kept(http: httpx.AsyncClient, namespace: str) -> None:
    where = core(namespace, "serviceaccounts")
    body = {"metadata": {"name": "shop"}, "automountServiceAccountToken": False}

    made = await created(http, where, body)
    gone = await http.delete(f"{where}/shop")

    assert made["automountServiceAccountToken"] is False
    assert gone.json()["metadata"]["uid"] == made["metadata"]["uid"]


async def test_an_applied_deployment_is_scaled_by_who_applies_it(
    http: httpx.AsyncClient, namespace: str
) -> None:
    where = path(namespace, "deployments", "web")
    body = workload("deployments", replicas=2) | {"apiVersion": "apps/v1", "kind": "Deployment"}

    made = await apply(http, where, with_metadata(body, labels={"team": "shop"}))
    body["spec"]["replicas"] = 3
    scaled = await apply(http, where, body)
    taken = await apply(http, where, body | {"spec": body["spec"] | {"replicas": 4}}, "m2")

    assert (made.status_code, scaled.status_code, taken.status_code) == (201, 200, 409)
    assert scaled.json()["spec"]["replicas"] == 3
    assert scaled.json()["metadata"]["generation"] == 2
    assert "labels" not in scaled.json()["metadata"]


async def test_discovery_names_the_kinds_that_make_pods(http: httpx.AsyncClient) -> None:
    found = {}
    for group in ("apps/v1", "batch/v1"):
        listed = (await http.get(f"/apis/{group}")).json()["resources"]
        found |= {each["kind"]: each["name"] for each in listed if "/" not in each["name"]}

    kinds = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob")
    assert [found[kind] for kind in kinds] == list(EVERY)
