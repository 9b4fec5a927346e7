"""What of a pod, as the API server tells it, becomes of its record."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.clients.pod_events import pod_event
from streams.codec import decode
from streams.records.marks import Stamp
from streams.records.pods import ContainerPort, Owner, PodEvent, PodEventType

STAMP = Stamp(lease=3, n=7)


def pod(meta: Any = None, spec: Any = None, status: Any = None) -> dict[str, Any]:
    known = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "17"}
    return {
        "metadata": known | (meta or {}),
        "spec": spec or {"containers": [{"name": "main"}]},
        "status": status or {"phase": "Running", "podIP": "10.1.0.5"},
    }


def told(found: dict[str, Any], change: str = "ADDED") -> PodEvent:
    return pod_event(found, change, "local", STAMP)


def test_all_that_rules_can_speak_about_is_carried() -> None:
    found = pod(
        {"labels": {"app": "web"}},
        {
            "nodeName": "node-1",
            "serviceAccountName": "default",
            "hostname": "web-host",
            "hostNetwork": True,
            "containers": [
                {"name": "a", "ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}]},
                {"name": "b", "ports": [{"containerPort": 53, "protocol": "UDP"}]},
            ],
        },
    )

    assert told(found, "MODIFIED") == PodEvent(
        pod_name="web",
        pod_ip="10.1.0.5",
        hostname="web-host",
        event=PodEventType.MODIFIED,
        event_code=1,
        cluster="local",
        namespace="shop",
        uid="u1",
        labels={"app": "web"},
        service_account="default",
        node="node-1",
        phase="Running",
        container_ports=(
            ContainerPort(port=80, name="http"),
            ContainerPort(port=53, protocol="UDP"),
        ),
        host_network=True,
        resource_version="17",
        stamp=STAMP,
    )


@pytest.mark.parametrize("change", ["ADDED", "MODIFIED", "DELETED"])
def test_a_record_survives_its_travel(change: str) -> None:
    event = told(pod(), change)

    assert decode(event.to_bytes(), PodEvent) == event
    assert event.key("other") == "local/shop/web"


@pytest.mark.parametrize(
    ("status", "address"),
    [
        ({}, None),
        ({"podIP": ""}, None),
        ({"podIP": "10.1.0.5"}, "10.1.0.5"),
        ({"podIP": "10.1.0.5", "podIPs": [{"ip": "10.1.0.5"}, {"ip": "fd00::5"}]}, "10.1.0.5"),
        ({"podIP": "fd00::5", "podIPs": [{"ip": "fd00::5"}, {"ip": "10.1.0.5"}]}, "10.1.0.5"),
        ({"podIP": "fd00::5", "podIPs": [{"ip": "fd00::5"}]}, None),
        ({"podIPs": [{}]}, None),
    ],
)
def test_the_ipv4_address_counts_wherever_it_stands(
    status: dict[str, Any], address: str | None
) -> None:
    assert told(pod(status={"phase": "Running", **status})).pod_ip == address


@pytest.mark.row("E35")
def test_a_pod_that_is_going_still_lives() -> None:
    event = told(pod({"deletionTimestamp": "2026-01-01T00:00:00Z"}), "MODIFIED")

    assert event.terminating
    assert event.event is PodEventType.MODIFIED


@pytest.mark.parametrize(
    ("reference", "hashed", "owner"),
    [
        ({"kind": "ReplicaSet", "name": "web-5d4f"}, "5d4f", Owner(kind="Deployment", name="web")),
        ({"kind": "ReplicaSet", "name": "web-5d4f"}, "", Owner(kind="ReplicaSet", name="web-5d4f")),
        ({"kind": "ReplicaSet", "name": "web"}, "5d4f", Owner(kind="ReplicaSet", name="web")),
        ({"kind": "StatefulSet", "name": "db-1"}, "1", Owner(kind="StatefulSet", name="db-1")),
    ],
)
def test_the_workload_is_found_by_the_name_of_the_controller(
    reference: dict[str, str], hashed: str, owner: Owner
) -> None:
    labels = {"pod-template-hash": hashed} if hashed else {}
    others = [{"kind": "Node", "name": "n"}, reference | {"controller": True}]

    assert told(pod({"labels": labels, "ownerReferences": others})).owner == owner


@pytest.mark.parametrize("reference", [[], [{"kind": "Node", "name": "n"}]])
def test_a_pod_without_a_controller_has_no_workload(reference: list[Any]) -> None:
    assert told(pod({"ownerReferences": reference})).owner is None


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"metadata": None},
        pod({"name": "Bad_Name"}),
        pod({"uid": ""}),
        pod({"uid": None}),
        pod({"labels": {"app": 5}}),
        pod({"labels": [1]}),
        pod({"ownerReferences": [5]}),
        pod(spec={"containers": [{"ports": [{}]}]}),
        pod(spec={"containers": [{"ports": [{"containerPort": 70_000}]}]}),
        pod(status={"podIP": "127.0.0.1"}),
        pod(status={"podIP": "10.1.0.256"}),
        pod(status=[5]),
    ],
)
def test_what_no_record_can_express_is_a_value_error(found: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (pydantic's and ours alike)
        told(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    part=st.sampled_from(["metadata", "spec", "status"]),
    name=st.sampled_from(
        ["labels", "podIPs", "podIP", "phase", "containers", "ownerReferences", "uid", "hostname"]
    ),
    value=JSON,
)
def test_a_pod_is_a_record_or_a_value_error(part: str, name: str, value: Any) -> None:
    found = pod()
    found[part] = found[part] | {name: value}

    try:
        event = told(found)
    except ValueError:
        return
    assert decode(event.to_bytes(), PodEvent) == event
