"""Objects are created, read, replaced; each write has a place in one order."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.conformance.kubernetes.calls import core, created, leases, merge, pod, policies, policy

RUNNING = {
    "status": {
        "phase": "Running",
        "podIP": "10.244.0.9",
        "podIPs": [{"ip": "10.244.0.9"}],
        "hostIP": "10.0.0.1",
        "hostIPs": [{"ip": "10.0.0.1"}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
}


async def test_a_created_object_is_read_back_as_it_was_answered(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, policies(namespace), policy())

    assert (await http.get(policies(namespace, "web"))).json() == made


async def test_the_server_says_who_an_object_is(http: httpx.AsyncClient, namespace: str) -> None:
    made = await created(http, policies(namespace), policy())

    metadata = made["metadata"]
    assert metadata["namespace"] == namespace
    assert metadata["generation"] == 1
    assert all(metadata[key] for key in ("uid", "creationTimestamp", "resourceVersion"))
    assert (made["kind"], made["apiVersion"]) == ("NetworkPolicy", "networking.k8s.io/v1")


async def test_two_objects_of_one_name_in_turn_are_two_objects(
    http: httpx.AsyncClient, namespace: str
) -> None:
    first = await created(http, policies(namespace), policy())
    await http.delete(policies(namespace, "web"))

    second = await created(http, policies(namespace), policy())

    assert first["metadata"]["uid"] != second["metadata"]["uid"]


async def test_an_object_is_created_once(http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, policies(namespace), policy())

    answer = await http.post(policies(namespace), json=policy())

    assert answer.status_code == 409
    assert answer.json()["reason"] == "AlreadyExists"
    assert answer.json()["message"] == 'networkpolicies.networking.k8s.io "web" already exists'


async def test_a_name_can_be_left_to_the_server(http: httpx.AsyncClient, namespace: str) -> None:
    body = pod() | {"metadata": {"generateName": "pod-"}}

    names = [(await created(http, core(namespace, "pods"), body))["metadata"]["name"] for _ in "ab"]

    assert all(name.startswith("pod-") and len(name) == 9 for name in names)
    assert names[0] != names[1]


async def test_what_is_not_there_is_not_found(http: httpx.AsyncClient, namespace: str) -> None:
    answer = await http.get(policies(namespace, "none"))

    assert answer.status_code == 404
    assert answer.json() | {"metadata": {}} == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'networkpolicies.networking.k8s.io "none" not found',
        "reason": "NotFound",
        "details": {"name": "none", "group": "networking.k8s.io", "kind": "networkpolicies"},
        "code": 404,
    }


async def test_nothing_is_created_in_a_namespace_that_is_not_there(http: httpx.AsyncClient) -> None:
    answer = await http.post(policies("test-nowhere"), json=policy())

    assert answer.status_code == 404
    assert answer.json()["message"] == 'namespaces "test-nowhere" not found'


async def test_all_kinds_share_one_order(http: httpx.AsyncClient, namespace: str) -> None:
    made = [
        await created(http, core(namespace, "pods"), pod()),
        await created(http, policies(namespace), policy()),
        await created(http, leases(namespace), {"metadata": {"name": "l"}, "spec": {}}),
        await created(http, core(namespace, "pods"), pod("pod-b")),
    ]
    changed = await merge(http, policies(namespace, "web"), {"metadata": {"labels": {"a": "b"}}})
    made.append(changed.json())

    versions = [int(each["metadata"]["resourceVersion"]) for each in made]

    assert versions == sorted(set(versions))


async def test_a_list_is_as_new_as_the_newest_write(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, policies(namespace), policy())

    listed = (await http.get(core(namespace, "pods"))).json()

    assert int(listed["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])


async def test_a_replacement_takes_everything_but_identity(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, policies(namespace), policy())
    body = policy(egress=[{}], policyTypes=["Egress"])

    answer = await http.put(policies(namespace, "web"), json=body)

    assert answer.status_code == 200
    after = answer.json()
    assert after["spec"]["policyTypes"] == ["Egress"]
    for key in ("uid", "creationTimestamp", "name", "namespace"):
        assert after["metadata"][key] == made["metadata"][key]
    assert after["metadata"]["generation"] == 2


async def test_the_generation_rises_only_with_the_spec(
    http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, policies(namespace), policy())

    answer = await merge(http, policies(namespace, "web"), {"metadata": {"labels": {"a": "b"}}})

    assert answer.json()["metadata"]["generation"] == 1


async def test_a_replacement_that_changes_nothing_is_no_write(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, policies(namespace), policy())

    answer = await http.put(policies(namespace, "web"), json=made)

    assert answer.json() == made


async def test_who_read_an_older_state_writes_nothing(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, policies(namespace), policy())
    await merge(http, policies(namespace, "web"), {"metadata": {"labels": {"a": "b"}}})

    answer = await http.put(policies(namespace, "web"), json=made)

    assert answer.status_code == 409
    assert answer.json()["reason"] == "Conflict"
    assert "the object has been modified" in answer.json()["message"]
    assert (await http.get(policies(namespace, "web"))).json()["metadata"]["labels"] == {"a": "b"}


async def test_of_many_who_read_the_same_state_one_writes(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, policies(namespace), policy())

    def mine(number: int) -> dict[str, Any]:
        return made | {"metadata": made["metadata"] | {"labels": {"n": str(number)}}}

    answers = await asyncio.gather(
        *(http.put(policies(namespace, "web"), json=mine(number)) for number in range(8))
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


async def test_a_replacement_meant_for_an_earlier_object_is_refused(
    http: httpx.AsyncClient, namespace: str
) -> None:
    old = await created(http, policies(namespace), policy())
    await http.delete(policies(namespace, "web"))
    await created(http, policies(namespace), policy())
    body = policy() | {"metadata": {"name": "web", "uid": old["metadata"]["uid"]}}

    answer = await http.put(policies(namespace, "web"), json=body)

    assert answer.status_code == 409
    assert "UID in precondition" in answer.json()["message"]


async def test_status_has_its_own_door(http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, core(namespace, "pods"), pod() | RUNNING)
    path = core(namespace, "pods", "pod-a")

    before = (await http.get(path)).json()["status"]
    aside = (await merge(http, path, RUNNING)).json()["status"]
    answer = await merge(http, f"{path}/status", RUNNING)

    assert before["phase"] == aside["phase"] == "Pending"
    assert answer.status_code == 200
    assert answer.json()["status"]["podIP"] == "10.244.0.9"
    assert (await http.get(f"{path}/status")).json() == answer.json()


async def test_the_status_door_leads_to_nothing_else(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, core(namespace, "pods"), pod())
    path = core(namespace, "pods", "pod-a")

    answer = await merge(http, f"{path}/status", RUNNING | {"spec": {"nodeName": "elsewhere"}})

    assert answer.json()["spec"] == made["spec"]


async def test_a_pods_address_stands_in_two_places(http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, core(namespace, "pods"), pod())
    path = core(namespace, "pods", "pod-a")

    answer = await merge(http, f"{path}/status", {"status": {"podIP": "10.244.0.7"}})

    assert answer.json()["status"]["podIPs"] == [{"ip": "10.244.0.7"}]


async def test_an_address_that_is_none_is_refused(http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, core(namespace, "pods"), pod())
    path = core(namespace, "pods", "pod-a")

    answer = await merge(http, f"{path}/status", {"status": {"podIP": "nowhere"}})

    assert answer.status_code == 422


@pytest.mark.parametrize(
    "spec",
    [
        {"hostNetwork": True},
        {"nodeName": "n2"},
        {"containers": [{"name": "main", "image": "busybox", "ports": [{"containerPort": 80}]}]},
    ],
)
async def test_most_of_a_pod_is_decided_for_life(
    http: httpx.AsyncClient, namespace: str, spec: dict[str, Any]
) -> None:
    made = await created(http, core(namespace, "pods"), pod())
    path = core(namespace, "pods", "pod-a")

    answer = await merge(http, path, {"spec": spec})

    assert answer.status_code == 422
    assert "pod updates may not change fields other than" in answer.json()["message"]
    assert (await http.get(path)).json() == made


async def test_a_namespace_is_labelled_with_its_name(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = (await http.get(f"/api/v1/namespaces/{namespace}")).json()

    assert made["metadata"]["labels"]["kubernetes.io/metadata.name"] == namespace
    assert made["status"]["phase"] == "Active"


async def test_services_get_addresses_of_their_own(http: httpx.AsyncClient, namespace: str) -> None:
    bodies = [{"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}} for name in "ab"]

    made = [await created(http, core(namespace, "services"), body) for body in bodies]

    addresses = [each["spec"]["clusterIP"] for each in made]
    assert all(addresses)
    assert addresses[0] != addresses[1]
    assert [each["spec"]["clusterIPs"] for each in made] == [[address] for address in addresses]


async def test_a_service_keeps_its_address_when_it_is_replaced(
    http: httpx.AsyncClient, namespace: str
) -> None:
    body = {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}
    made = await created(http, core(namespace, "services"), body)
    ports = [{"port": 81, "protocol": "TCP", "targetPort": 81}]
    again = body | {"spec": {"ports": ports}}

    answer = await http.put(core(namespace, "services", "a"), json=again)

    assert answer.status_code == 200
    assert answer.json()["spec"]["clusterIP"] == made["spec"]["clusterIP"]


async def test_a_headless_service_gets_no_address(http: httpx.AsyncClient, namespace: str) -> None:
    spec = {"clusterIP": "None", "ports": [{"port": 80}]}
    body = {"metadata": {"name": "a"}, "spec": spec}

    made = await created(http, core(namespace, "services"), body)

    assert made["spec"]["clusterIP"] == "None"


def event(namespace: str, about: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "pod-a.1"},
        "involvedObject": {"kind": "Pod", "namespace": about, "name": "pod-a"},
        "type": "Warning",
        "reason": "Unprotected",
        "message": "no rule holds",
    }


async def test_an_event_tells_about_an_object(http: httpx.AsyncClient, namespace: str) -> None:
    made = await created(http, core(namespace, "events"), event(namespace, namespace))

    assert made["reason"] == "Unprotected"
    path = core(namespace, "events")
    found = await http.get(path, params={"fieldSelector": "involvedObject.name=pod-a"})
    assert [each["metadata"]["name"] for each in found.json()["items"]] == ["pod-a.1"]


async def test_an_event_lies_where_its_object_lies(http: httpx.AsyncClient, namespace: str) -> None:
    answer = await http.post(core(namespace, "events"), json=event(namespace, "elsewhere"))

    assert answer.status_code == 422
    assert "involvedObject.namespace" in answer.json()["message"]


LEASE = {
    "metadata": {"name": "leader"},
    "spec": {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 1,
        "renewTime": "2026-01-02T03:04:05.000006Z",
    },
}


async def test_a_lease_is_taken_by_who_saw_its_newest_state(
    http: httpx.AsyncClient, namespace: str
) -> None:
    seen = await created(http, leases(namespace), LEASE)
    path = leases(namespace, "leader")
    bodies = [seen | {"spec": seen["spec"] | {"holderIdentity": who}} for who in "bc"]

    first, second = [await http.put(path, json=body) for body in bodies]

    assert (first.status_code, second.status_code) == (200, 409)
    assert (await http.get(path)).json()["spec"]["holderIdentity"] == "b"


async def test_a_lease_is_never_replaced_blindly(http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, leases(namespace), LEASE)

    answer = await http.put(leases(namespace, "leader"), json=LEASE)

    assert answer.status_code == 422
    assert "must be specified for an update" in answer.json()["message"]


@pytest.mark.parametrize("moment", ["2026-01-02T03:04:05Z", "2026-01-02 03:04:05.000006", "now"])
async def test_the_time_of_a_lease_has_six_decimals(
    http: httpx.AsyncClient, namespace: str, moment: str
) -> None:
    body = LEASE | {"spec": {"renewTime": moment}}

    answer = await http.post(leases(namespace), json=body)

    assert answer.status_code == 400
    assert "parsing time" in answer.json()["message"]


async def test_a_lease_lasts(http: httpx.AsyncClient, namespace: str) -> None:
    body = LEASE | {"spec": {"leaseDurationSeconds": 0}}

    answer = await http.post(leases(namespace), json=body)

    assert answer.status_code == 422
    assert "must be greater than 0" in answer.json()["message"]


@pytest.mark.parametrize("plural", ["pods", "networkpolicies"])
async def test_a_trial_stores_nothing(http: httpx.AsyncClient, namespace: str, plural: str) -> None:
    path, body = {
        "pods": (core(namespace, "pods"), pod("x")),
        "networkpolicies": (policies(namespace), policy("x")),
    }[plural]

    answer = await http.post(path, json=body, params={"dryRun": "All"})

    assert answer.status_code == 201
    assert "resourceVersion" not in answer.json()["metadata"]
    assert (await http.get(f"{path}/x")).status_code == 404


async def test_a_trial_is_judged_in_full(http: httpx.AsyncClient, namespace: str) -> None:
    body = policy(policyTypes=["Foo"])

    answer = await http.post(policies(namespace), json=body, params={"dryRun": "All"})

    assert answer.status_code == 422


async def test_a_trial_of_a_change_changes_nothing(http: httpx.AsyncClient, namespace: str) -> None:
    made = await created(http, policies(namespace), policy())
    path = policies(namespace, "web")
    change = {"metadata": {"labels": {"a": "b"}}}

    answers = [
        await merge(http, path, change, dryRun="All"),
        await http.put(path, json=policy(egress=[{}]), params={"dryRun": "All"}),
        await http.delete(path, params={"dryRun": "All"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert (await http.get(path)).json() == made


async def test_an_unknown_sort_of_trial_is_no_write(
    http: httpx.AsyncClient, namespace: str
) -> None:
    answer = await http.post(policies(namespace), json=policy(), params={"dryRun": "all"})

    assert answer.status_code == 422
    assert (await http.get(policies(namespace, "web"))).status_code == 404


async def test_an_unknown_sort_of_trial_deletes_nothing(
    http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, policies(namespace), policy())

    answer = await http.delete(policies(namespace, "web"), params={"dryRun": "yes"})

    assert answer.status_code == 422
    assert (await http.get(policies(namespace, "web"))).status_code == 200
